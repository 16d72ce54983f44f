/* An address that a person pasted. What is understood is written in one form, which stays. */
#include "message/uri.h"

#include <stdlib.h>

#include "base/text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uri uri, again;
	char once[URI_TEXT_MAX], twice[URI_TEXT_MAX];
	char *text = text_duplicate_bytes(bytes_of(data, size));
	CHECK(text);
	if (uri_parse(text, &uri) == ERR_OK) {
		CHECK(uri_format(&uri, once, sizeof once) == ERR_OK);
		CHECK(uri_parse(once, &again) == ERR_OK);
		CHECK(uri_format(&again, twice, sizeof twice) == ERR_OK);
		CHECK(strcmp(once, twice) == 0);
	}
	free(text);
	return 0;
}
