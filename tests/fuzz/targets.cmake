# <name>_fuzz.cc becomes fuzz_<name>: with INSIGHTFLOW_FUZZ a libFuzzer program, whose test searches
# for a while; in every other build a program whose test replays the corpus. One line for each.

set(INSIGHTFLOW_FUZZ_SECONDS 20 CACHE STRING "How long the test of a libFuzzer program searches")

# insightflow_fuzz(name module corpora…)
function(insightflow_fuzz name module)
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}_fuzz.cc")
  if(NOT EXISTS "${source}" OR (module STREQUAL "server" AND NOT TARGET insightflow_server))
    return()
  endif()
  set(target fuzz_${name})
  add_executable(${target} "${source}")
  insightflow_link_module(${target} ${module})
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/" OUTPUT_VARIABLE corpora)
  if(INSIGHTFLOW_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    # What it finds goes to the first folder; the others are only read.
    set(found "${CMAKE_CURRENT_BINARY_DIR}/found/${name}")
    file(MAKE_DIRECTORY "${found}")
    set(options -max_total_time=${INSIGHTFLOW_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048
      -artifact_prefix=${found}- "${found}")
    math(EXPR timeout "${INSIGHTFLOW_FUZZ_SECONDS} + 120")
  else()
    target_sources(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/replay_main.cc")
    set(options "")
    set(timeout 120)
  endif()
  add_test(NAME fuzz/${name} COMMAND ${target} ${options} ${corpora})
  set_tests_properties(fuzz/${name} PROPERTIES
    TIMEOUT ${timeout} LABELS fuzz)
endfunction()

insightflow_fuzz(event_decoder decode json csv)
insightflow_fuzz(access_log decode access_log)
insightflow_fuzz(log_codec log log_codec)
insightflow_fuzz(segment segments segment)
insightflow_fuzz(http_assembler server http)
insightflow_fuzz(query wire query)
