/* What every fuzz target defines: one input, as libFuzzer and fuzz/replay_main.c call it. A target
 * must not keep state between two calls, and aborts (CHECK, a sanitizer) when a property fails. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
