/* Included before everything else in every file: functions that cannot be used safely do not
 * compile. The right-hand column is what to use. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* The system's own headers may name them; read those before the names are poisoned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With _FORTIFY_SOURCE and clang these two are macros, which cannot be poisoned. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy /* text_copy, struct buffer */
#pragma GCC poison sprintf vsprintf      /* snprintf, text_format */
#pragma GCC poison strtok                /* struct reader */
#pragma GCC poison gets scanf atoi atol  /* text_to_u32 */
#pragma GCC poison localtime gmtime      /* localtime_r, gmtime_r */
#pragma GCC poison srand                 /* struct rng */
/* libcrypto's headers name parameters so; only the call must not compile. */
#define rand() rand_is_banned_use_struct_rng

#endif
