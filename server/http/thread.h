// Threads of the connection layer.
#pragma once

#include <functional>
#include <thread>

namespace insightflow::server {

// A thread to which the system delivers no signal: those are for the program's own threads. `name`,
// at most 15 bytes, is what tools show. Throws std::system_error when there is no thread to give.
std::thread StartThread(const char* name, std::function<void()> run);

}  // namespace insightflow::server
