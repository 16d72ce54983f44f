/* `dpc-hub backup` and `dpc-hub restore`: copies of the SQLite database, by its own backup
 * interface, which sees a whole state while the hub goes on writing. */
#include "hub/command.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "hub/data.h"
#include "hub/hub.h"

/* A hub that checkpoints holds the file for a moment. */
#define BUSY_TIMEOUT_MS 10000

static int fail(const char *what, const char *path, const char *why)
{
	fprintf(stderr, "dpc-hub: %s '%s': %s\n", what, path, why);
	return COMMAND_FAILED;
}

/* Not ours to copy: its own tools do it better. */
static bool refuse_postgres(const struct config *config)
{
	if (!config->store[0])
		return false;
	fprintf(stderr,
		"dpc-hub: the store is a PostgreSQL database: use pg_dump and pg_restore\n");
	return true;
}

/* ---- Copying ---- */

/* SQLITE_OK, or what went wrong. */
static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return sqlite3_errcode(to);
	(void)sqlite3_backup_step(backup, -1);
	return sqlite3_backup_finish(backup);
}

/* A whole number that a statement gives; -1 when it gives none. */
static int64_t number_of(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* An empty file is a good database, and none of a hub. */
static bool is_of_hub(sqlite3 *db)
{
	return number_of(db, "PRAGMA user_version") > 0 &&
	       number_of(db, "SELECT count(*) FROM users") >= 0 &&
	       number_of(db, "SELECT count(*) FROM sessions") >= 0;
}

/* Copies the database of a hub to a file that is new. NULL, or what went wrong. */
static const char *copy(const char *from_path, const char *to_path)
{
	sqlite3 *from = NULL, *to = NULL;
	static char why[256];
	const char *problem = NULL;
	int fd = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return "cannot be made there";
	close(fd);
	int code = sqlite3_open_v2(from_path, &from, SQLITE_OPEN_READWRITE, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE, NULL);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(from, BUSY_TIMEOUT_MS);
		if (!is_of_hub(from))
			problem = "it is no database of a hub";
		else
			code = copy_pages(from, to);
	}
	/* A file of its own, without a log beside it. */
	if (!problem && code == SQLITE_OK)
		code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (!problem && code != SQLITE_OK) {
		snprintf(why, sizeof why, "%s", sqlite3_errstr(code));
		problem = why;
	}
	sqlite3_close(from);
	sqlite3_close(to);
	return problem;
}

static bool sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return is_good;
}

/* ---- Backup ---- */

int command_backup(const struct config *config, char **words, size_t count)
{
	if (count != 1) {
		fprintf(stderr, "dpc-hub: backup takes the file to write; see --help\n");
		return COMMAND_USAGE;
	}
	if (refuse_postgres(config))
		return COMMAND_FAILED;
	char *path = text_format("%s/hub.db", config->data);
	char *temporary = text_format("%s.%ld.new", words[0], (long)getpid());
	int status = COMMAND_FAILED;
	const char *problem = !path || !temporary ? "out of memory"
			      : access(path, F_OK) != 0
				      ? "there is no database in the data directory"
				      : copy(path, temporary);
	if (problem) {
		status = fail("cannot back up to", words[0], problem);
		if (temporary)
			unlink(temporary);
	} else if (!sync_file(temporary) || rename(temporary, words[0]) != 0) {
		status = fail("cannot write", words[0], "is there room, and may you?");
		unlink(temporary);
	} else {
		printf("%s\n", words[0]);
		status = COMMAND_DONE;
	}
	free(path);
	free(temporary);
	return status;
}

/* ---- Restoring ---- */

/* The directory in which the new database is checked. */
#define STAGE_NAME "restore.new"

static void clear_stage(const char *stage)
{
	static const char *const names[] = {"hub.db", "hub.db-wal", "hub.db-shm", "hub.db-journal"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *path = text_format("%s/%s", stage, names[i]);
		if (path)
			unlink(path);
		free(path);
	}
	rmdir(stage);
}

/* Copies the backup, and opens it as a hub does: that checks it, and brings it to our version. */
static bool stage_backup(const char *stage, const char *backup)
{
	char problem[STORE_PROBLEM_MAX];
	struct store *store;
	char *path = text_format("%s/hub.db", stage);
	clear_stage(stage);
	const char *why = !path                       ? "out of memory"
			  : access(backup, R_OK) != 0 ? "it cannot be read"
			  : mkdir(stage, 0700) != 0   ? "the data directory cannot be written"
						      : copy(backup, path);
	if (why)
		(void)fail("cannot restore", backup, why);
	bool is_good = !why && store_open(stage, problem, &store) == ERR_OK;
	if (!why && !is_good)
		(void)fail("cannot restore", backup, problem);
	if (is_good)
		store_close(store);
	is_good = is_good && sync_file(path);
	free(path);
	return is_good;
}

/* The old database, with its log, gets another name. */
static bool keep_old(const char *directory, char **ret_kept)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct tm now;
	time_t seconds = (time_t)hub_now();
	char stamp[32];
	gmtime_r(&seconds, &now);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &now);
	*ret_kept = text_format("%s/hub.db.before-%s", directory, stamp);
	bool is_good = *ret_kept != NULL;
	for (size_t i = 0; is_good && i < sizeof suffixes / sizeof suffixes[0]; i++) {
		char *from = text_format("%s/hub.db%s", directory, suffixes[i]);
		char *to = text_format("%s%s", *ret_kept, suffixes[i]);
		is_good = from && to && (access(from, F_OK) != 0 || rename(from, to) == 0);
		free(from);
		free(to);
	}
	return is_good;
}

static int restore(const char *directory, const char *backup)
{
	char *stage = text_format("%s/" STAGE_NAME, directory);
	char *fresh = text_format("%s/" STAGE_NAME "/hub.db", directory);
	char *path = text_format("%s/hub.db", directory), *kept = NULL;
	int status = COMMAND_FAILED;
	if (stage && fresh && path && stage_backup(stage, backup)) {
		bool had_one = access(path, F_OK) == 0;
		if (!keep_old(directory, &kept) || rename(fresh, path) != 0)
			(void)fail("cannot replace", path, "look at what is in that directory");
		else
			status = COMMAND_DONE;
		if (status == COMMAND_DONE && had_one)
			printf("restored; the database before is '%s'\n", kept);
		else if (status == COMMAND_DONE)
			printf("restored\n");
	}
	if (stage)
		clear_stage(stage);
	free(stage);
	free(fresh);
	free(path);
	free(kept);
	return status;
}

int command_restore(const struct config *config, char **words, size_t count)
{
	char problem[HUB_PROBLEM_MAX];
	int lock;
	if (count != 1) {
		fprintf(stderr, "dpc-hub: restore takes the file to read; see --help\n");
		return COMMAND_USAGE;
	}
	if (refuse_postgres(config))
		return COMMAND_FAILED;
	if (data_hold(config->data, problem, &lock) != ERR_OK) {
		fprintf(stderr, "dpc-hub: %s\n", problem);
		return COMMAND_FAILED;
	}
	int status = restore(config->data, words[0]);
	close(lock);
	return status;
}
