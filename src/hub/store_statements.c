/* The statements of the store, by their names. */
#include "hub/store_engine.h"

const struct statement_text store_statement_texts[STATEMENT_COUNT] = {
	[USER_FIND] = {"SELECT id FROM users WHERE provider = ?1 AND subject = ?2", NULL},
	[USER_CREATE] = {"INSERT INTO users (provider, subject, created) VALUES (?1, ?2, ?3)"
			 " ON CONFLICT (provider, subject) DO NOTHING",
		NULL},
	[USER_GET] = {"SELECT created FROM users WHERE id = ?1", NULL},
	[NODE_GET] = {"SELECT user_id, pin, registered FROM nodes WHERE node_id = ?1", NULL},
	[NODE_PUT] = {"INSERT INTO nodes (node_id, user_id, pin, certificate, registered)"
		      " VALUES (?1, ?2, ?3, ?4, ?5)"
		      " ON CONFLICT (node_id) DO UPDATE SET certificate = excluded.certificate",
		NULL},
	[NODES_OF_USER] =
		{"SELECT node_id, name, registered, last_seen FROM nodes WHERE user_id = ?1"
		 " ORDER BY last_seen DESC, registered DESC, node_id LIMIT ?2",
			NULL},
	[NODE_COUNT] = {"SELECT count(*) FROM nodes WHERE user_id = ?1", NULL},
	[NODE_RENAME] = {"UPDATE nodes SET name = ?2 WHERE node_id = ?1", NULL},
	/* Of the hubs that share the store, one may have seen it later than another that writes
	 * later. */
	[NODES_SEEN] =
		{"UPDATE nodes SET last_seen = seen.at FROM"
		 " (SELECT key AS id, max(value) AS at FROM json_each(?1) GROUP BY key) AS seen"
		 " WHERE node_id = seen.id AND last_seen < seen.at",
			"UPDATE nodes SET last_seen = seen.at FROM"
			" (SELECT key AS id, max(value::bigint) AS at FROM json_each_text(?1::json)"
			" GROUP BY key) AS seen WHERE node_id = seen.id AND last_seen < seen.at"},
	[NODE_DELETE] = {"DELETE FROM nodes WHERE node_id = ?1", NULL},
	[NODE_SESSIONS_DELETE] = {"DELETE FROM sessions WHERE node_id = ?1", NULL},
	[ADMISSION_PUT] = {"INSERT INTO admissions (node_id, text) VALUES (?1, ?2)"
			   " ON CONFLICT (node_id) DO UPDATE SET text = excluded.text",
		NULL},
	[ADMISSION_GET] = {"SELECT text FROM admissions WHERE node_id = ?1", NULL},
	[ADMISSION_DELETE] = {"DELETE FROM admissions WHERE node_id = ?1", NULL},
	[ADMISSIONS_NAMING] =
		{"SELECT node_id FROM admissions WHERE node_id IN (SELECT value FROM json_each(?1))"
		 " AND json_extract(text, '$.contacts.\"' || ?2 || '\"') = 'allow'",
			"SELECT node_id FROM admissions WHERE node_id IN (SELECT "
			"json_array_elements_text(?1::json))"
			" AND text::json -> 'contacts' ->> ?2 = 'allow'"},
	[PROFILE_PUT] = {"INSERT INTO profiles (user_id, text, updated) VALUES (?1, ?2, ?3)"
			 " ON CONFLICT (user_id) DO UPDATE"
			 " SET text = excluded.text, updated = excluded.updated",
		NULL},
	[PROFILE_GET] = {"SELECT text, updated FROM profiles WHERE user_id = ?1", NULL},
	[PROFILE_DELETE] = {"DELETE FROM profiles WHERE user_id = ?1", NULL},
	[PROFILE_INDEX] = {"INSERT INTO profile_words (rowid, l0, l1, l2, l3, l4, l5)"
			   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		"INSERT INTO profile_words (user_id, words, l1, l2, l3, l4, l5)"
		" SELECT ?1, w0 || w1 || w2 || w3 || w4 || w5, w1, w2, w3, w4, w5 FROM"
		" (SELECT dpc_words(?2) AS w0, dpc_words(?3) AS w1, dpc_words(?4) AS w2,"
		" dpc_words(?5) AS w3, dpc_words(?6) AS w4, dpc_words(?7) AS w5) AS levels"},
	[PROFILE_UNINDEX] = {"DELETE FROM profile_words WHERE rowid = ?1",
		"DELETE FROM profile_words WHERE user_id = ?1"},
	[PROFILE_SEARCH] = {"SELECT p.user_id, p.text, p.updated FROM profile_words AS w"
			    " JOIN profiles AS p ON p.user_id = w.rowid"
			    " WHERE profile_words MATCH ?1 AND w.rowid < ?2"
			    " ORDER BY w.rowid DESC LIMIT ?3",
		"SELECT p.user_id, p.text, p.updated FROM profile_words AS w"
		" JOIN profiles AS p ON p.user_id = w.user_id"
		" WHERE w.words @@ dpc_query(?1, '&') AND w.user_id < ?2 AND ?4 ="
		" CASE WHEN l5 @@ dpc_query(?1, '|') THEN 5 WHEN l4 @@ dpc_query(?1, '|') THEN 4"
		" WHEN l3 @@ dpc_query(?1, '|') THEN 3 WHEN l2 @@ dpc_query(?1, '|') THEN 2"
		" WHEN l1 @@ dpc_query(?1, '|') THEN 1 ELSE 0 END"
		" ORDER BY w.user_id DESC LIMIT ?3"},
	[SESSION_CREATE] = {"INSERT INTO sessions (id, user_id, node_id, created, expires)"
			    " VALUES (?1, ?2, ?3, ?4, ?5)",
		NULL},
	[SESSION_TRIM] = {"DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
			  " WHERE user_id = ?1 ORDER BY revoked, created DESC, id"
			  " LIMIT -1 OFFSET ?2)",
		"DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
		" WHERE user_id = ?1 ORDER BY revoked, created DESC, id OFFSET ?2)"},
	[SESSION_GET] = {"SELECT user_id, node_id, expires, revoked FROM sessions WHERE id = ?1",
		NULL},
	[SESSION_CHECK] = {"SELECT 1 FROM sessions WHERE id = ?1 AND revoked = 0", NULL},
	[SESSION_REVOKE] = {"UPDATE sessions SET revoked = 1 WHERE id = ?1", NULL},
	[SESSION_EXTEND] = {"UPDATE sessions SET expires = ?2 WHERE id = ?1", NULL},
	[REFRESH_CREATE] = {"INSERT INTO refresh_tokens (hash, session_id, place) VALUES (?1, ?2,"
			    " (SELECT coalesce(max(place), 0) + 1 FROM refresh_tokens"
			    " WHERE session_id = ?2))",
		NULL},
	[REFRESH_TRIM] = {"DELETE FROM refresh_tokens WHERE session_id = ?1 AND place <="
			  " (SELECT max(place) FROM refresh_tokens WHERE session_id = ?1) - ?2",
		NULL},
	[REFRESH_GET] = {"SELECT session_id, used FROM refresh_tokens WHERE hash = ?1", NULL},
	[REFRESH_USE] = {"UPDATE refresh_tokens SET used = 1 WHERE hash = ?1", NULL},
	[PING] = {"SELECT 1 FROM sqlite_schema LIMIT 1", "SELECT 1"},
	[CLEANUP] = {"DELETE FROM sessions WHERE expires < ?1", NULL},
	/* Out of the account of the node's own key alone. */
	[NODE_MOVE] = {"UPDATE nodes SET user_id = ?2 WHERE node_id = ?1 AND user_id IN"
		       " (SELECT id FROM users WHERE provider = 'key' AND subject = ?3)"
		       " RETURNING node_id",
		NULL},
	[NODE_FOREIGN_SESSIONS_DELETE] =
		{"DELETE FROM sessions WHERE node_id = ?1 AND user_id <> ?2", NULL},
	[SESSIONS_REVOKE_USER] = {"UPDATE sessions SET revoked = 1 WHERE user_id = ?1", NULL},
	[SESSIONS_REVOKE_NODE] = {"UPDATE sessions SET revoked = 1 WHERE node_id = ?1", NULL},
	[KEYS_GET] = {"SELECT id, secret, created, retires FROM token_keys"
		      " WHERE retires = 0 OR retires > ?1 ORDER BY place DESC LIMIT ?2",
		NULL},
	[KEY_ADD] =
		{"INSERT INTO token_keys (id, secret, created, retires, place)"
		 " VALUES (?1, ?2, ?3, 0, (SELECT coalesce(max(place), 0) + 1 FROM token_keys))",
			NULL},
	[KEYS_RETIRE] = {"UPDATE token_keys SET retires = ?1 WHERE retires = 0 OR retires > ?1",
		NULL},
	[KEYS_CLEANUP] = {"DELETE FROM token_keys WHERE retires <> 0 AND retires <= ?1", NULL},
	[BAN_COUNT] = {"SELECT count(*) FROM bans", NULL},
	[BAN_PUT] = {"INSERT INTO bans (kind, subject, reason, created) VALUES (?1, ?2, ?3, ?4)"
		     " ON CONFLICT (kind, subject) DO UPDATE"
		     " SET reason = excluded.reason, created = excluded.created",
		NULL},
	[BAN_DELETE] = {"DELETE FROM bans WHERE kind = ?1 AND subject = ?2 RETURNING 1", NULL},
	[BANS_LIST] = {"SELECT kind, subject, reason, created FROM bans"
		       " WHERE (kind, subject) > (?1, ?2) ORDER BY kind, subject LIMIT ?3",
		NULL},
	[USERS_LIST] = {"SELECT u.id, u.provider, u.subject, u.created,"
			" (SELECT count(*) FROM nodes AS n WHERE n.user_id = u.id)"
			" FROM users AS u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2",
		NULL},
	[NODES_LIST] = {"SELECT node_id, name, registered, last_seen, user_id FROM nodes"
			" WHERE node_id > ?1 ORDER BY node_id LIMIT ?2",
		NULL},
	[TICKET_PUT] = {"INSERT INTO tickets (key, owner, text, expires) VALUES (?1, ?2, ?3, ?4)",
		NULL},
	[TICKET_GET] = {"SELECT text FROM tickets WHERE key = ?1 AND expires > ?2", NULL},
	[TICKET_TAKE] = {"DELETE FROM tickets WHERE key = ?1 AND expires > ?2 RETURNING text",
		NULL},
	[TICKET_CHANGE] = {"UPDATE tickets SET text = ?3 WHERE key = ?1 AND text = ?2"
			   " AND expires > ?4 RETURNING key",
		NULL},
	[TICKET_COUNT] = {"SELECT count(*) FROM tickets", NULL},
	[TICKET_COUNT_OWNER] = {"SELECT count(*) FROM tickets WHERE owner = ?1", NULL},
	[TICKET_EXPIRE] = {"DELETE FROM tickets WHERE expires <= ?1", NULL},
	[CHALLENGE_KEY_PUT] = {"INSERT INTO challenge_key (id, secret) VALUES (1, ?1)"
			       " ON CONFLICT (id) DO NOTHING",
		NULL},
	[CHALLENGE_KEY_GET] = {"SELECT secret FROM challenge_key WHERE id = 1", NULL},
	[CHALLENGE_SPEND] = {"INSERT INTO spent_challenges (challenge, expires) VALUES (?1, ?2)"
			     " ON CONFLICT (challenge) DO NOTHING RETURNING 1",
		NULL},
	[CHALLENGES_EXPIRE] = {"DELETE FROM spent_challenges WHERE expires <= ?1", NULL},
	[LOCK] = {NULL, "SELECT pg_advisory_xact_lock(hashtextextended(?1, 0))"},
};
