// The server's figures for monitoring. Names and labels are compile-time constants: nothing that a
// client sends becomes a label.
#pragma once

#include <string>

#include "server/app/context.h"

namespace insightflow::server {

enum class MetricsFormat { kPrometheus, kOpenMetrics };

std::string MetricsText(const ServerContext& context, MetricsFormat format);

// The first generation's form.
std::string MetricsJson(const ServerContext& context);

}  // namespace insightflow::server
