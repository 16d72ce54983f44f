/* Fields of the node's answers, read leniently: what is missing is shown as nothing. */
#ifndef CLI_FIELD_H
#define CLI_FIELD_H

#include <jansson.h>

/* A field of an object as text: "" when it is missing or no text. */
const char *field_text(const json_t *object, const char *key);
/* A number; `otherwise` when it is missing or none. */
double field_number(const json_t *object, const char *key, double otherwise);

/* What a person typed as a value: JSON, or else text. NULL when memory is out. */
json_t *field_value(const char *typed);

#endif
