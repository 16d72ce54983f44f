/* A transfer of a file as a person reads it (the File of docs/local-api.md). */
#ifndef CLI_FILE_PROGRESS_H
#define CLI_FILE_PROGRESS_H

#include <jansson.h>

#define FILE_PROGRESS_MAX 512

/* "report.pdf   42 % [########------------] 5.0M of 12M, 1.2M/s, 6s left", or what it waits for;
 * into FILE_PROGRESS_MAX bytes, which it returns. */
char *file_progress_text(const json_t *file, char text[FILE_PROGRESS_MAX]);
/* "sent report.pdf to bob: 12M in 3s (4.0M/s)", after so many seconds. */
char *file_done_text(const json_t *file, double seconds, char text[FILE_PROGRESS_MAX]);

#endif
