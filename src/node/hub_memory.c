#include "node/hub_memory.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/config.h"
#include "node/store.h"

/* Settings in the store. */
#define SETTING_URL "hub.url"
#define SETTING_REFRESH "hub.refresh_token"

void hub_memory_url(struct store *store, const struct config *config, char *url)
{
	char *kept = NULL;
	CHECK(text_copy(url, CONFIG_TEXT_MAX + 1, config->hub_url));
	if (!url[0] && store && store_setting_get(store, SETTING_URL, &kept) == ERR_OK)
		(void)text_copy(url, CONFIG_TEXT_MAX + 1, kept);
	free(kept);
}

bool hub_memory_recall(
	struct store *store, const struct config *config, char *url, char **ret_token)
{
	char *kept = NULL, *token = NULL;
	bool is_known = store_setting_get(store, SETTING_URL, &kept) == ERR_OK && kept[0];
	bool is_logged_in = store_setting_get(store, SETTING_REFRESH, &token) == ERR_OK;
	hub_memory_url(store, config, url);
	/* A login at another hub than the one that the configuration names now is none here. */
	bool is_wanted = is_known && is_logged_in && strcmp(url, kept) == 0;
	*ret_token = NULL;
	if (is_wanted && token[0])
		*ret_token = token;
	else
		free(token);
	free(kept);
	return is_wanted;
}

void hub_memory_keep(struct store *store, const char *url, const char *token)
{
	if (store_setting_set(store, SETTING_URL, url) != ERR_OK ||
		store_setting_set(store, SETTING_REFRESH, token ? token : "") != ERR_OK)
		log_warn("the login cannot be kept: %s", store_fault_text(store));
}

void hub_memory_forget(struct store *store)
{
	if (store_setting_remove(store, SETTING_REFRESH) != ERR_OK)
		log_warn("%s", store_fault_text(store));
}
