# What every target of this project shares: language, warnings, sanitizers, linker.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# An installed program finds the library beside it, wherever the prefix is.
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

find_program(INSIGHTFLOW_CCACHE ccache)
if(INSIGHTFLOW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${INSIGHTFLOW_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${INSIGHTFLOW_CCACHE}")
endif()

add_library(insightflow_flags INTERFACE)
target_compile_options(insightflow_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor)
target_include_directories(insightflow_flags INTERFACE
  "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
if(INSIGHTFLOW_SANITIZE)
  target_compile_options(insightflow_flags INTERFACE
    -fsanitize=${INSIGHTFLOW_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(insightflow_flags INTERFACE -fsanitize=${INSIGHTFLOW_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(insightflow_flags INTERFACE
      -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/ubsan.ignore)
  endif()
endif()
if(INSIGHTFLOW_FUZZ)
  # The libraries report their branches to the fuzzer; only its programs bring the main function.
  target_compile_options(insightflow_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
