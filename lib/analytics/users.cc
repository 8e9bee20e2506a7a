// A page of the list of users: each user becomes a row as its timeline comes by, and a heap keeps
// the best limit + 1 of them. A cursor is the place of a page's last row in the order of all users,
// so pages that follow each other hold each user once as long as the log stands still.

#include <algorithm>
#include <charconv>
#include <compare>
#include <string>
#include <utility>
#include <vector>

#include "lib/analytics/analysis.h"
#include "lib/analytics/query_checks.h"
#include "lib/base/growth.h"
#include "lib/base/hex.h"
#include "lib/model/time_zone.h"
#include "lib/model/user_agent.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::int64_t kActiveMs = 30 * 60'000;
constexpr char kLowerDigits[] = "0123456789abcdef";

// Where a user stands: greater keys first, then by id.
struct Place {
  std::int64_t key = 0;
  std::string_view user_id;

  bool IsBefore(const Place& other) const {
    return key != other.key ? key > other.key : user_id < other.user_id;
  }
};

struct Row {
  std::int64_t key = 0;
  std::string user_id;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::uint64_t events = 0;
  std::uint64_t sessions = 0;
  std::uint32_t agent = 0;  // code of the last user_agent

  Place place() const { return {key, user_id}; }
};

// The heap's top is the row that goes first.
bool Precedes(const Row& a, const Row& b) { return a.place().IsBefore(b.place()); }

// "v" or "e" for the order, the key, a blank and the id; as hexadecimal digits.
std::string MakeCursor(UsersSort sort, const Place& place) {
  std::string text = sort == UsersSort::kEvents ? "e" : "v";
  text += std::to_string(place.key) + " ";
  text += place.user_id;
  std::string cursor;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    cursor += kLowerDigits[byte >> 4];
    cursor += kLowerDigits[byte & 15];
  }
  return cursor;
}

bool ParseCursor(std::string_view cursor, UsersSort sort, std::int64_t* key, std::string* user_id) {
  if (cursor.size() % 2 != 0) return false;
  std::string text;
  for (std::size_t i = 0; i < cursor.size(); i += 2) {
    const int high = HexValue(cursor[i]), low = HexValue(cursor[i + 1]);
    if (high < 0 || low < 0) return false;
    text += static_cast<char>(high * 16 + low);
  }
  const std::size_t blank = text.find(' ');
  if (blank == std::string::npos || text[0] != (sort == UsersSort::kEvents ? 'e' : 'v')) {
    return false;
  }
  const char* const end = text.data() + blank;
  const auto number = std::from_chars(text.data() + 1, end, *key);
  if (number.ec != std::errc() || number.ptr != end) return false;
  *user_id = text.substr(blank + 1);
  // No other spelling of a place is one of ours.
  return !user_id->empty() && MakeCursor(sort, {*key, *user_id}) == cursor;
}

struct UsersConfig {
  std::string search;
  UsersSort sort = UsersSort::kLastVisit;
  bool has_after = false;
  std::int64_t after_key = 0;
  std::string after_user;
  std::size_t limit = 0;
  std::int64_t timeout_ms = 0;
  std::int64_t max_duration_ms = 0;
};

class UsersState final : public AnalysisState {
 public:
  UsersState(const UsersConfig* config, const ValueTable* values)
      : config_(config), values_(values) {}

  Status Visit(const Timelines& timelines) override;
  Status DoMerge(AnalysisState* other) override;
  std::size_t bytes(std::size_t more) const override {
    constexpr std::size_t kUserId = 64;  // of which most are shorter
    const std::size_t rows = std::min(heap_.size() + more, config_->limit + 2);
    return BytesWith(heap_, rows - std::min(rows, heap_.size())) + rows * kUserId;
  }

  std::vector<Row> TakeRows() { return std::move(heap_); }
  const ValueTable& values() const { return *values_; }

 private:
  bool IsWanted(const Place& place) const;
  void Push(Row row);

  const UsersConfig* const config_;
  const ValueTable* const values_;
  std::vector<Row> heap_;
};

bool UsersState::IsWanted(const Place& place) const {
  if (config_->has_after && !Place{config_->after_key, config_->after_user}.IsBefore(place)) {
    return false;
  }
  if (heap_.size() > config_->limit && !place.IsBefore(heap_.front().place())) return false;
  return place.user_id.find(config_->search) != std::string_view::npos;
}

void UsersState::Push(Row row) {
  heap_.push_back(std::move(row));
  std::push_heap(heap_.begin(), heap_.end(), Precedes);
  if (heap_.size() <= config_->limit + 1) return;
  std::pop_heap(heap_.begin(), heap_.end(), Precedes);
  heap_.pop_back();
}

std::uint64_t CountSessions(std::span<const std::int64_t> times, const UsersConfig& config) {
  std::uint64_t sessions = 0;
  std::int64_t first = 0, last = 0;
  for (const std::int64_t time : times) {
    if (sessions == 0 || time - last > config.timeout_ms || time - first > config.max_duration_ms) {
      ++sessions;
      first = time;
    }
    last = time;
  }
  return sessions;
}

std::uint32_t LastCode(std::span<const std::uint32_t> codes) {
  const auto found =
      std::find_if(codes.rbegin(), codes.rend(), [](auto code) { return code != 0; });
  return found == codes.rend() ? 0 : *found;
}

Status UsersState::Visit(const Timelines& timelines) {
  for (std::size_t run = 0; run < timelines.runs(); ++run) {
    const std::size_t begin = timelines.RunBegin(run);
    const std::size_t rows = timelines.run_ends[run] - begin;
    const std::span<const std::int64_t> times = timelines.time_ms.subspan(begin, rows);
    const bool by_events = config_->sort == UsersSort::kEvents;
    const std::int64_t key = by_events ? static_cast<std::int64_t>(rows) : times.back();
    const std::string_view user_id = timelines.user_ids[run];
    if (!IsWanted({key, user_id})) continue;
    Push({key, std::string(user_id), times.front(), times.back(), rows,
          CountSessions(times, *config_), LastCode(timelines.texts[0].subspan(begin, rows))});
  }
  return Status::Ok();
}

Status UsersState::DoMerge(AnalysisState* other) {
  auto* const from = dynamic_cast<UsersState*>(other);
  if (from == nullptr || from->config_ != config_ || from->values_ != values_) {
    return InvalidArgument("a state of another analysis cannot be merged into one of \"users\"");
  }
  for (Row& row : from->heap_) Push(std::move(row));
  from->heap_ = {};
  return Status::Ok();
}

class UsersAnalysis final : public Analysis {
 public:
  static Result<std::unique_ptr<Analysis>> Create(const UsersQuery& query);

  std::unique_ptr<AnalysisState> NewState(const ValueTable* values) const override {
    return std::make_unique<UsersState>(&config_, values);
  }
  Result<AnswerBody> DoFinish(AnalysisState* state, const ScanEnd& end, bool* exact) const override;

 private:
  UsersConfig config_;
};

Result<std::unique_ptr<Analysis>> UsersAnalysis::Create(const UsersQuery& query) {
  auto analysis = std::make_unique<UsersAnalysis>();
  if (Status status = CheckScope(query.scope); !status.ok()) return status;
  if (const auto zone = LoadZone(query.scope.timezone); !zone.ok()) return zone.status();
  UsersConfig& config = analysis->config_;
  config.search = query.search;
  config.sort = query.sort;
  config.limit = query.scope.limit;
  const SessionRules rules;
  config.timeout_ms = rules.timeout.count();
  config.max_duration_ms = rules.max_duration->count();
  config.has_after = !query.after.empty();
  if (config.has_after &&
      !ParseCursor(query.after, query.sort, &config.after_key, &config.after_user)) {
    return InvalidArgument(
        "after: is not a cursor of this list; it must be the \"next\" of a page in the same order");
  }
  ScanPlan& plan = analysis->plan_;
  if (Status status = plan.SetScope(query.scope); !status.ok()) return status;
  if (const auto slot = plan.AddText("user_agent"); !slot.ok()) return slot.status();
  plan.needs_user_ids = true;
  return std::unique_ptr<Analysis>(std::move(analysis));
}

Result<AnswerBody> UsersAnalysis::DoFinish(AnalysisState* state, const ScanEnd& end, bool*) const {
  auto* const users = static_cast<UsersState*>(state);
  std::vector<Row> rows = users->TakeRows();
  std::sort(rows.begin(), rows.end(), Precedes);
  UsersAnswer answer;
  if (rows.size() > config_.limit) {
    rows.resize(config_.limit);
    answer.next = MakeCursor(config_.sort, rows.back().place());
  }
  for (Row& row : rows) {
    UserRow& user = answer.users.emplace_back();
    user.user_id = std::move(row.user_id);
    user.first_visit = FromMillis(row.first_ms);
    user.last_visit = FromMillis(row.last_ms);
    user.events = row.events;
    user.sessions = row.sessions;
    const Agent agent = ClassifyAgent(users->values().Text(row.agent));
    user.device = DeviceName(agent.device);
    user.browser = BrowserName(agent.browser);
    user.active = row.last_ms <= end.now_ms && row.last_ms > end.now_ms - kActiveMs;
  }
  return AnswerBody(std::move(answer));
}

}  // namespace

Result<std::unique_ptr<Analysis>> CreateUsers(const UsersQuery& query) {
  return UsersAnalysis::Create(query);
}

}  // namespace v1
}  // namespace insightflow
