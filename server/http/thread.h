// Threads of the connection layer.
#pragma once

#include <functional>
#include <thread>

namespace insightflow::server {

// A thread to which the system delivers no signal: those are for the program's own threads.
// Throws std::system_error when the system has no thread to give.
std::thread StartThread(std::function<void()> run);

}  // namespace insightflow::server
