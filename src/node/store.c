/* Opening, migrations, and settings. Contacts are in store_contact.c, messages in store_message.c.
 */
#include "node/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "node/store_query.h"

/* "dpc1": tells our databases from others. */
#define APPLICATION_ID 0x64706331

/* The step from version i to i + 1. Those that were released do not change. The numbers for
 * directions and states are those of the enums in store.h. `peers` counts each peer's messages, so
 * that limits are checked without counting. */
static const char *const migrations[] = {
	"CREATE TABLE contacts ("
	"  node_id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, pin TEXT NOT NULL,"
	"  addresses TEXT NOT NULL, hub_vouched INTEGER NOT NULL, verified INTEGER NOT NULL,"
	"  blocked INTEGER NOT NULL, keep_connected INTEGER NOT NULL, policy INTEGER NOT NULL,"
	"  added INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE messages ("
	"  sequence INTEGER PRIMARY KEY AUTOINCREMENT, peer TEXT NOT NULL,"
	"  direction INTEGER NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL,"
	"  timestamp REAL NOT NULL, text TEXT NOT NULL, UNIQUE (peer, direction, id)) STRICT;"
	"CREATE INDEX messages_by_peer ON messages (peer, sequence);"
	"CREATE INDEX messages_pending ON messages (peer, sequence) WHERE state < 2;"
	"CREATE TABLE peers ("
	"  peer TEXT PRIMARY KEY, messages INTEGER NOT NULL, pending INTEGER NOT NULL)"
	"  STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN"
	"  INSERT INTO peers VALUES (new.peer, 1, new.state < 2) ON CONFLICT (peer) DO UPDATE"
	"    SET messages = messages + 1, pending = pending + (new.state < 2);"
	" END;"
	"CREATE TRIGGER message_changed AFTER UPDATE OF state ON messages BEGIN"
	"  UPDATE peers SET pending = pending + (new.state < 2) - (old.state < 2)"
	"    WHERE peer = new.peer;"
	" END;"
	"CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN"
	"  UPDATE peers SET messages = messages - 1, pending = pending - (old.state < 2)"
	"    WHERE peer = old.peer;"
	" END;"
	"CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
	/* The log of what peers ask of our AI models (store_ai.h). */
	"CREATE TABLE ai_log ("
	"  sequence INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, peer TEXT NOT NULL,"
	"  model TEXT NOT NULL, outcome TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,"
	"  completion_tokens INTEGER NOT NULL, estimated INTEGER NOT NULL,"
	"  duration_ms INTEGER NOT NULL, prompt TEXT) STRICT;"
	"CREATE INDEX ai_log_by_peer ON ai_log (peer, time);",
	/* Transfers of files (store_file.h). */
	"CREATE TABLE files ("
	"  sequence INTEGER PRIMARY KEY AUTOINCREMENT, peer TEXT NOT NULL,"
	"  outgoing INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,"
	"  size INTEGER NOT NULL, hash TEXT NOT NULL, state INTEGER NOT NULL, time REAL NOT NULL,"
	"  code TEXT NOT NULL, error TEXT NOT NULL, UNIQUE (peer, outgoing, id)) STRICT;"
	"CREATE INDEX files_unfinished ON files (sequence) WHERE state < 3;",
	/* The words of the history (store_search.h), written with the messages and not by triggers:
	 * SQLite lets none write to a virtual table while the schema is not trusted. With the index
	 * of beginnings the first letters of a word are found among a million messages at once;
	 * without it two take a third of a second. */
	"CREATE VIRTUAL TABLE words USING fts5("
	"  peer, text, content = 'messages', content_rowid = 'sequence', prefix = '1 2 3',"
	"  tokenize = 'unicode61 remove_diacritics 2');"
	"INSERT INTO words (words) VALUES ('rebuild');",
	/* Replies, edits, deletions, and how far each side has read (store_change.h). What is there
	 * already counts as read here; what the peers have read is not known. */
	"ALTER TABLE messages ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE messages ADD COLUMN refers TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE messages ADD COLUMN edited REAL NOT NULL DEFAULT 0;"
	"ALTER TABLE messages ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE messages ADD COLUMN attachments TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX messages_out ON messages (peer, sequence)"
	"  WHERE direction = 0 AND kind = 0 AND deleted = 0;"
	"CREATE INDEX messages_in ON messages (peer, sequence)"
	"  WHERE direction = 1 AND kind = 0 AND deleted = 0;"
	"ALTER TABLE peers ADD COLUMN read_here INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE peers ADD COLUMN read_there INTEGER NOT NULL DEFAULT 0;"
	"UPDATE peers SET read_here ="
	"  coalesce((SELECT max(sequence) FROM messages m WHERE m.peer = peers.peer), 0);"
	"DROP TRIGGER message_added;"
	"CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN"
	"  INSERT INTO peers (peer, messages, pending) VALUES (new.peer, 1, new.state < 2)"
	"    ON CONFLICT (peer) DO UPDATE"
	"    SET messages = messages + 1, pending = pending + (new.state < 2);"
	" END;",
};

#define VERSION ((int64_t)(sizeof migrations / sizeof *migrations))

/* Makes the file if need be, for its owner alone; SQLite gives its companions the same mode. */
static enum err prepare_file(struct store *store, off_t *ret_size)
{
	int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat info;
	if (fd < 0 || fstat(fd, &info) || ((info.st_mode & 077) && fchmod(fd, 0600))) {
		fault_set(&store->fault, "cannot open '%s': %s", store->path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	close(fd);
	*ret_size = info.st_size;
	return ERR_OK;
}

static enum err read_number(struct store *store, const char *sql, int64_t *ret_value)
{
	struct query query = query_of(store, sql);
	return query_run_integer(&query, ret_value);
}

static enum err damaged(struct store *store, const char *cause)
{
	fault_set(&store->fault,
		"the database '%s' is damaged (%s); move it away or restore a copy, then start "
		"again",
		store->path, cause);
	return ERR_CORRUPT;
}

/* Reads every page of a database of ordinary size, so that damage shows now and not in the middle
 * of a conversation. */
static enum err check_pages(struct store *store, off_t size)
{
	if (size > STORE_CHECK_BYTES_MAX)
		return ERR_OK;
	char result[200] = "";
	struct query query = query_of(store, "PRAGMA quick_check(1)");
	if (query_next(&query)) {
		const unsigned char *text = sqlite3_column_text(query.statement, 0);
		snprintf(result, sizeof result, "%s", text ? (const char *)text : "");
	}
	enum err err = query_end(&query);
	if (err)
		return err;
	return strcmp(result, "ok") == 0 ? ERR_OK : damaged(store, result);
}

/* Ours, empty, or a stranger's? */
static enum err check_origin(struct store *store, int64_t *ret_version)
{
	int64_t version, id, tables;
	enum err err = read_number(store, "PRAGMA user_version", &version);
	if (!err)
		err = read_number(store, "PRAGMA application_id", &id);
	if (!err)
		err = read_number(store, "SELECT count(*) FROM sqlite_schema", &tables);
	if (err)
		return err;
	if (tables > 0 && (id != APPLICATION_ID || version < 1))
		return damaged(store, "it is not a database of dpc");
	if (version > VERSION) {
		fault_set(&store->fault,
			"the database '%s' was written by a newer dpc; update this program",
			store->path);
		return ERR_UNSUPPORTED;
	}
	*ret_version = version;
	return ERR_OK;
}

static enum err migrate(struct store *store, int64_t version)
{
	if (version == VERSION)
		return ERR_OK;
	enum err err = store_begin(store);
	if (err)
		return err;
	/* Another process may have done it while we waited. */
	err = read_number(store, "PRAGMA user_version", &version);
	for (int64_t i = version; !err && i < VERSION; i++)
		err = store_execute(store, migrations[i]);
	char sql[100];
	snprintf(sql, sizeof sql, "PRAGMA user_version = %d; PRAGMA application_id = %d",
		(int)VERSION, APPLICATION_ID);
	if (!err)
		err = store_execute(store, sql);
	return store_end(store, err);
}

static enum err open_database(struct store *store)
{
	off_t size = 0;
	int64_t version = 0;
	enum err err = prepare_file(store, &size);
	if (err)
		return err;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int code = sqlite3_open_v2(store->path, &store->db, flags, NULL);
	if (code != SQLITE_OK)
		return store_failed(store, code);
	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	err = check_origin(store, &version);
	if (!err)
		err = check_pages(store, size);
	if (!err)
		err = store_execute(store,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF");
	if (!err)
		err = migrate(store, version);
	return err;
}

enum err store_open(const char *home, struct store **ret_store, struct fault *ret_fault)
{
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		return ERR_NOMEM;
	store->path = text_format("%s/" STORE_FILE, home);
	enum err err = store->path ? open_database(store) : ERR_NOMEM;
	if (err) {
		fault_set(ret_fault, "%s", store->fault.text);
		store_close(store);
		return err;
	}
	*ret_store = store;
	return ERR_OK;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	CHECK(sqlite3_close(store->db) == SQLITE_OK);
	free(store->path);
	free(store);
}

const char *store_fault_text(const struct store *store)
{
	return store->fault.text;
}

static enum err put_setting(struct store *store, const char *key, const char *value)
{
	int64_t others;
	struct query count = query_of(store, "SELECT count(*) FROM settings WHERE key <> ?");
	query_bind_text(&count, key);
	enum err err = query_run_integer(&count, &others);
	if (err)
		return err;
	if (others >= STORE_SETTINGS_MAX) {
		fault_set(&store->fault, "cannot keep the setting '%s': there are too many", key);
		return ERR_LIMIT;
	}
	struct query query = query_of(store,
		"INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = "
		"excluded.value");
	query_bind_text(&query, key);
	query_bind_text(&query, value);
	return query_run(&query, NULL);
}

enum err store_setting_set(struct store *store, const char *key, const char *value)
{
	if (strlen(key) > STORE_KEY_MAX || strlen(value) > STORE_VALUE_MAX) {
		fault_set(&store->fault, "the setting '%.*s' is too long", STORE_KEY_MAX, key);
		return ERR_TOO_LARGE;
	}
	enum err err = store_begin(store);
	return err ? err : store_end(store, put_setting(store, key, value));
}

enum err store_setting_get(struct store *store, const char *key, char **ret_value)
{
	struct query query = query_of(store, "SELECT value FROM settings WHERE key = ?");
	query_bind_text(&query, key);
	char *value = query_next(&query) ? query_copy_text(&query, 0) : NULL;
	enum err err = query_end(&query);
	if (err)
		return err;
	if (!value)
		return ERR_NOT_FOUND;
	*ret_value = value;
	return ERR_OK;
}

enum err store_setting_remove(struct store *store, const char *key)
{
	struct query query = query_of(store, "DELETE FROM settings WHERE key = ?");
	query_bind_text(&query, key);
	return query_run(&query, NULL);
}
