# What `cmake --install` puts where in a build of the small runtime: the library, the headers that
# kerf/run.h includes, and kerf-run.pc.
install(TARGETS kerf-run LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS kerf-probe DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/kerf)
foreach(header run base device tensor graph state io packed plan)
    install(FILES ${PROJECT_SOURCE_DIR}/include/kerf/${header}.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kerf)
endforeach()
file(RELATIVE_PATH KERF_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/kerf-run.pc.in ${PROJECT_BINARY_DIR}/kerf-run.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/kerf-run.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
