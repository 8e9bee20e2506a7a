// What an assembler makes of a stream of bytes, as text that two runs can be compared by.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "server/http/assembler.h"

namespace insightflow::testing {

inline std::string Describe(const server::HttpRequest& request) {
  std::string text = request.method + " " + request.target + " [" + request.path + "]";
  for (const auto& [name, value] : request.headers.fields) text += " {" + name + "=" + value + "}";
  return text + " id=" + request.request_id + " body=" + request.body;
}

// Feeds pieces of the sizes that `next_size` gives, at least 1. Like a connection, it stops after
// a refusal and after a request that is not keep-alive.
inline std::string HttpOutcome(std::string_view bytes, const server::HttpLimits& limits,
                               const std::function<std::size_t()>& next_size) {
  using State = server::Assembler::State;
  server::Assembler assembler(limits);
  std::string outcome;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, next_size());
    bytes.remove_prefix(piece.size());
    while (!piece.empty()) {
      piece.remove_prefix(assembler.Feed(piece));
      if (assembler.state() == State::kRefused) {
        const server::HttpRefusal& refusal = assembler.refusal();
        return outcome + "refused " + std::to_string(refusal.status) + " " + refusal.message;
      }
      if (assembler.state() != State::kComplete) continue;
      outcome += Describe(assembler.Take()) + "\n";
      if (!assembler.keep_alive()) return outcome + "close";
    }
  }
  if (assembler.at_rest()) return outcome + "rest";
  return outcome + (assembler.state() == State::kHead ? "in head" : "in body");
}

inline std::string HttpOutcome(std::string_view bytes, const server::HttpLimits& limits = {}) {
  return HttpOutcome(bytes, limits, [&] { return bytes.size(); });
}

}  // namespace insightflow::testing
