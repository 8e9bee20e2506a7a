// The deterministic event stream that every benchmark measures: a shop's visitors.
//
//   Generator generator({.seed = 7, .users = 10'000});
//   std::string body;
//   AppendJsonBatch(&generator, 1'000, &body);  // {"events":[…]}
//
// Users come back by a Zipf law (exponent 3/4), pages are visited by one (4/5). A session lasts 12
// events on average, half a minute apart; its user then stays away until drawn again. Types: 60 %
// view, 25 % click, 10 % scroll, 4 % form, 1 % purchase. An event is 337 bytes of JSON on average.
//
// The same options give the same bytes on every machine: integers and IEEE products only, no
// library function that rounds as it likes. Two seeds give streams with different ids over the same
// users and pages, so threads can generate side by side.
//
// Thread safety: a generator serves one thread at a time. Rendering is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "insightflow/event.h"

namespace insightflow::benchmarks {

struct GeneratorOptions {
  std::uint64_t seed = 1;
  std::uint32_t users = 1'000'000;
  std::uint32_t pages = 5'000;
  std::int64_t start_ms = 1'700'000'000'000;
  std::uint64_t events_per_second = 1'000;  // of event time, not of the machine's
};

enum class Kind : std::uint8_t { kView, kClick, kScroll, kForm, kPurchase };
inline constexpr std::size_t kKindCount = 5;

// Where the digits of event_id begin in an event's JSON.
inline constexpr std::size_t kJsonIdOffset = 13;

// One event as numbers. Text is made from it by the functions below.
struct GeneratedEvent {
  std::uint64_t id_high = 0;  // distinct within a stream
  std::uint64_t id_low = 0;
  std::uint64_t session = 0;
  std::int64_t time_ms = 0;
  std::uint32_t user = 0;     // 0 … users - 1, the most active first
  std::uint32_t page = 0;     // 0 … pages - 1, the most visited first
  std::uint32_t element = 0;  // clicks and forms
  std::uint32_t x = 0;        // clicks
  std::uint32_t y = 0;
  std::uint32_t value = 0;  // load time in ms, scroll depth in percent, price in cents
  Kind kind = Kind::kView;
};

class Generator {
 public:
  explicit Generator(const GeneratorOptions& options);

  // The next event; times never go back. O(1), some tens of nanoseconds.
  GeneratedEvent Next();

 private:
  struct Session {
    std::uint64_t id;
    std::uint32_t user;
    std::uint32_t page;
  };

  std::uint64_t Draw();
  void Begin(Session* session);

  GeneratorOptions options_;
  std::uint64_t salt_;
  std::uint64_t state_;
  std::uint64_t index_ = 0;
  double user_root_;  // users^(1/4)
  double page_root_;  // about pages^(1/5)
  std::vector<Session> sessions_;
};

const char* KindName(Kind kind);

// The event as C++ programs build it.
Event ToEvent(const GeneratedEvent& event);

// Appends the event as a JSON object, without a newline.
void AppendJson(const GeneratedEvent& event, std::string* out);

// Appends the next `count` events as {"events":[…]}.
void AppendJsonBatch(Generator* generator, std::size_t count, std::string* out);

// Appends the event as a line of CSV, with its newline; the header's line names the columns.
std::string CsvHeader();
void AppendCsv(const GeneratedEvent& event, std::string* out);

// Appends the event as a line of tab-separated values, \N where it has no number:
//   kQueries  user_id, timestamp, event_type, page_url
//   kAll      event_id, user_id, session_id, event_type, page_url, timestamp, page_title, element,
//             position_x, position_y, user_agent, extra_data
enum class TsvColumns : std::uint8_t { kQueries, kAll };
void AppendTsv(const GeneratedEvent& event, TsvColumns columns, std::string* out);

}  // namespace insightflow::benchmarks
