// Marks what the shared library exports. Everything else stays hidden.
#pragma once

#define INSIGHTFLOW_EXPORT [[gnu::visibility("default")]]
