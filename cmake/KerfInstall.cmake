# What `cmake --install` puts where: headers, library, command, the helper that tries drivers
# (libexec/kerf), and how others find us: kerf.pc and find_package(Kerf), target Kerf::kerf.
include(CMakePackageConfigHelpers)
set(KERF_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Kerf)

set(installed kerf)
if(NOT BUILD_SHARED_LIBS) # who links a static library links what that links
    list(APPEND installed kerf_dependencies kerf_run_dependencies)
endif()
set_target_properties(kerf PROPERTIES EXPORT_NAME kerf)
install(TARGETS ${installed} EXPORT KerfTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/kerf DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")
if(TARGET kerf-command)
    install(TARGETS kerf-command DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS kerf-probe DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/kerf)

install(EXPORT KerfTargets NAMESPACE Kerf:: DESTINATION ${KERF_CMAKE_DIR})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/KerfConfig.cmake.in
    ${PROJECT_BINARY_DIR}/KerfConfig.cmake INSTALL_DESTINATION ${KERF_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/KerfConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/KerfConfig.cmake ${PROJECT_BINARY_DIR}/KerfConfigVersion.cmake
    DESTINATION ${KERF_CMAKE_DIR})

# Paths relative to the file itself, so that the tree may be moved.
file(RELATIVE_PATH KERF_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/kerf.pc.in ${PROJECT_BINARY_DIR}/kerf.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/kerf.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
