# What `cmake --install` puts where; pkg-config and CMake package files.
