# The installed package: one target for CMake, one file for pkg-config, shared or static.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/insightflow")

install(TARGETS insightflow EXPORT insightflowTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/insightflow"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(EXPORT insightflowTargets NAMESPACE insightflow:: DESTINATION "${package_dir}")

set(INSIGHTFLOW_CONFIG_STATIC ON)
if(BUILD_SHARED_LIBS)
  set(INSIGHTFLOW_CONFIG_STATIC OFF)
endif()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/insightflowConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/insightflowConfig.cmake" INSTALL_DESTINATION "${package_dir}")
# Until 1.0 a new minor version may change the API.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/insightflowConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/insightflowConfig.cmake"
  "${PROJECT_BINARY_DIR}/insightflowConfigVersion.cmake" DESTINATION "${package_dir}")

# Paths relative to the file itself, so that a tree which was moved still works.
file(RELATIVE_PATH INSIGHTFLOW_PC_PREFIX
  "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" INSIGHTFLOW_PC_PREFIX "${INSIGHTFLOW_PC_PREFIX}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/insightflow.pc.in"
  "${PROJECT_BINARY_DIR}/insightflow.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/insightflow.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
