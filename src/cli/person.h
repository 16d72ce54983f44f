/* A profile of the hub's directory, for a person to read. */
#ifndef CLI_PERSON_H
#define CLI_PERSON_H

#include <jansson.h>

/* All of it, a field a line. */
void person_print(const json_t *profile);
/* In one line, with a node to add: "Alice  dpc-node-…  Rust 5, cooking 2  likes mountains". */
void person_print_line(const json_t *profile);

#endif
