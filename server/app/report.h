// How a command speaks to the person who runs it: one line on stderr, then an exit code.
#pragma once

#include <string>
#include <string_view>

#include "insightflow/status.h"

namespace insightflow::server {

inline constexpr int kFailed = 1;  // at run time
inline constexpr int kUsage = 2;   // the command line or a setting is wrong

// The text on one line, without what would steer a terminal: each control character becomes a '?'.
std::string Shown(std::string_view text);

// "insightflow: <message>", the message as it is shown.
void Complain(std::string_view message);

// As it is: to stderr with a newline, to stdout without.
void Announce(std::string_view line);
void Print(std::string_view text);

// Complains and returns the exit code that fits.
int Fail(const Status& status);

}  // namespace insightflow::server
