# <name>_fuzz.cc becomes fuzz_<name>: with INSIGHTFLOW_FUZZ a libFuzzer program, and in every other
# build a program that replays its corpus, which is a test. One line here for each.

# insightflow_fuzz(name module corpus)
function(insightflow_fuzz name module corpus)
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}_fuzz.cc")
  if(NOT EXISTS "${source}" OR (module STREQUAL "server" AND NOT TARGET insightflow_server))
    return()
  endif()
  set(target fuzz_${name})
  add_executable(${target} "${source}")
  insightflow_link_module(${target} ${module})
  if(INSIGHTFLOW_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  target_sources(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/replay_main.cc")
  add_test(NAME fuzz/${name} COMMAND ${target} "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${corpus}")
  set_tests_properties(fuzz/${name} PROPERTIES
    TIMEOUT 120 LABELS fuzz ENVIRONMENT "${sanitizer_env}")
endfunction()

insightflow_fuzz(event_decoder decode json)
insightflow_fuzz(access_log decode access_log)
insightflow_fuzz(log_codec log log_codec)
insightflow_fuzz(http_assembler server http)
