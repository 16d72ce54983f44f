/* QR codes on a terminal. */
#ifndef CLI_QR_H
#define CLI_QR_H

#include <stdbool.h>

/* On stdout, and nothing else; false: the text does not fit into one. */
bool qr_print(const char *text);

#endif
