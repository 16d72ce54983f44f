/* Ollama's HTTP API: POST /api/chat, answered by a stream of lines of JSON, and GET /api/tags for
 * the models. Programs that speak it too can be used in its place. */
#ifndef NODE_AI_OLLAMA_H
#define NODE_AI_OLLAMA_H

#include "node/ai_kind.h"

extern const struct ai_kind ai_ollama;

#endif
