#include "base/err.h"

static const struct {
	const char *name, *text;
} errors[ERR_COUNT] = {
#define X(id, name, text) [ERR_##id] = {name, text},
	ERR_LIST(X)
#undef X
};

const char *err_name(enum err err)
{
	CHECK((unsigned)err < ERR_COUNT);
	return errors[err].name;
}

const char *err_text(enum err err)
{
	CHECK((unsigned)err < ERR_COUNT);
	return errors[err].text;
}
