# What every target of this project shares: language, warnings, sanitizers, linker.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY OFF)

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
endif()

find_program(INSIGHTFLOW_LLD NAMES ld.lld ld.lld-14)
if(INSIGHTFLOW_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(insightflow_flags INTERFACE "-fuse-ld=lld")
endif()
