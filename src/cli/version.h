/* The version, from meson.build. */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#ifndef DPC_VERSION
#define DPC_VERSION "unknown"
#endif

#endif
