// Threads of the engine's own.
#pragma once

#include <functional>
#include <thread>

namespace insightflow {
inline namespace v1 {

// A thread to which the system delivers no signal: those are for the program's own threads. `name`,
// at most 15 bytes, is what tools show. Throws std::system_error when there is no thread to give.
std::thread StartThread(const char* name, std::function<void()> run);

// For a thread that nobody waits for: others come first.
void StepBack();

}  // namespace v1
}  // namespace insightflow
