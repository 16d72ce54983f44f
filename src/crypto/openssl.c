#include "crypto/openssl.h"

#include <stdbool.h>

enum err openssl_error(enum err otherwise)
{
	bool nomem = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
	ERR_clear_error();
	return nomem ? ERR_NOMEM : otherwise;
}
