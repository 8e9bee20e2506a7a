#include "lib/live/live_state.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "lib/live/fair_mutex.h"
#include "lib/live/live_data.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kRowsPerLock = 1000;
constexpr std::int64_t kOnlineSeconds = 300;
constexpr std::int64_t kActiveSeconds = 1800;
constexpr std::size_t kSeconds = 60;
constexpr std::size_t kMinutes = 60;
constexpr std::size_t kHours = 25;

double Percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

OnlineUsers OnlineOf(const LiveData& data, const LiveTime& now) {
  return {data.online().Count(now.second, kOnlineSeconds),
          data.online().Count(now.second, kActiveSeconds)};
}

EventTotals TotalsOf(const LiveData& data) {
  EventTotals totals;
  totals.users = data.counters().users;
  totals.by_type = data.types().SortedTotals();
  for (const TypeCount& type : totals.by_type) totals.total += type.count;
  return totals;
}

EventRates RatesOf(const LiveData& data, const LiveTime& now) {
  EventRates rates;
  rates.seconds = data.seconds().Series(now.second - 1, kSeconds);
  rates.minutes = data.minutes().Series(now.minute, kMinutes);
  rates.hours = data.hours().Series(now.hour, kHours);
  std::vector<std::uint64_t> by_type(data.types().size());
  for (std::int64_t back = 1; back <= static_cast<std::int64_t>(kSeconds); ++back) {
    data.seconds().AddTo(now.second - back, &by_type);
  }
  rates.last_minute_by_type = data.types().Sorted(by_type);
  for (const std::uint64_t count : rates.seconds) rates.last_minute += count;
  return rates;
}

Conversion ConversionOf(const LiveData& data) {
  const LiveData::Counters& c = data.counters();
  return {c.users_viewed, c.users_purchased, Percent(c.users_purchased, c.users_viewed),
          Percent(c.purchase_events, c.view_events)};
}

UserProfile ProfileOf(const UserRecord& user, const UserActs& acts, const LiveTime& now) {
  UserProfile profile;
  profile.user_id = user.Id();
  profile.first_visit = FromMillis(user.first_ms);
  profile.last_visit = FromMillis(user.last_ms);
  profile.events = user.events;
  const std::uint64_t others = user.events - user.views - acts.clicks - acts.purchases;
  for (const auto& [type, count] : {std::pair<std::string_view, std::uint64_t>("view", user.views),
                                    {"click", acts.clicks},
                                    {"purchase", acts.purchases},
                                    {kOtherType, others}}) {
    if (count != 0) profile.by_type.push_back({std::string(type), count});
  }
  SortByCount(&profile.by_type);
  profile.device = DeviceName(user.agent.device);
  profile.browser = BrowserName(user.agent.browser);
  profile.active =
      user.last_live_second <= now.second && user.last_live_second > now.second - kActiveSeconds;
  return profile;
}

// Walks a known user's chain of events back.
LiveState::RecentEvents RecentOf(const RecentIndex& index, std::uint64_t last, std::size_t limit) {
  LiveState::RecentEvents recent;
  recent.complete_from = last + 1;
  for (std::uint64_t sequence = last; sequence != 0; sequence = index.Previous(sequence)) {
    if (sequence < index.begin()) {
      recent.complete_from = index.begin();
      return recent;
    }
    if (recent.sequences.size() == limit) return recent;
    recent.sequences.push_back(sequence);
    recent.complete_from = sequence;
  }
  recent.complete_from = 1;
  return recent;
}

}  // namespace

class LiveState::Impl {
 public:
  Impl(const LiveLimits& limits, std::uint64_t hash_seed)
      : limits_(limits),
        hash_seed_(hash_seed),
        data_(std::make_unique<LiveData>(limits, hash_seed)) {}

  void Apply(const EventBatch& batch, std::uint64_t first_sequence) {
    assert(first_sequence > applied_);
    data_->Resolve(batch, &codes_);
    for (std::size_t begin = 0; begin < batch.rows; begin += kRowsPerLock) {
      const std::size_t end = std::min(begin + kRowsPerLock, batch.rows);
      {
        const std::lock_guard<FairMutex> lock(users_mutex_);
        data_->ApplyToUsers(batch, begin, end, first_sequence, &codes_, &tally_);
      }
      const std::lock_guard<FairMutex> lock(counts_mutex_);
      data_->ApplyToCounts(batch, begin, end, first_sequence, &codes_, &tally_);
      applied_.store(data_->counters().applied, std::memory_order_release);
    }
  }

  // Calls change(data_) while nobody reads.
  template <typename Change>
  void ChangeAll(Change change) {
    const std::lock_guard<FairMutex> users(users_mutex_);
    const std::lock_guard<FairMutex> counts(counts_mutex_);
    change(data_);
    applied_.store(data_->counters().applied, std::memory_order_release);
  }

  Status Load(std::string_view in) {
    auto loaded = std::make_unique<LiveData>(limits_, hash_seed_);
    Status status = loaded->Load(in);
    if (!status.ok()) loaded = std::make_unique<LiveData>(limits_, hash_seed_);
    ChangeAll([&](std::unique_ptr<LiveData>& data) { data.swap(loaded); });
    return status;
  }

  // What `question` says about users, or from counts, at one moment.
  template <typename Question>
  auto AskUsers(Question question) const {
    const std::shared_lock<FairMutex> lock(users_mutex_);
    return question(std::as_const(*data_));
  }
  template <typename Question>
  auto AskCounts(Question question) const {
    const std::shared_lock<FairMutex> lock(counts_mutex_);
    return question(std::as_const(*data_));
  }
  // About all. Users may be ahead of the counts, except for the applying thread.
  template <typename Question>
  auto AskAll(Question question) const {
    const std::shared_lock<FairMutex> users(users_mutex_);
    const std::shared_lock<FairMutex> counts(counts_mutex_);
    return question(std::as_const(*data_));
  }

  std::uint64_t applied() const { return applied_.load(std::memory_order_acquire); }

 private:
  const LiveLimits limits_;
  const std::uint64_t hash_seed_;
  // Those who need both take them in this order.
  mutable FairMutex users_mutex_;
  mutable FairMutex counts_mutex_;
  std::unique_ptr<LiveData> data_;
  std::atomic<std::uint64_t> applied_ = 0;
  // Of the batch under way.
  BatchCodes codes_;
  BatchTally tally_;
};

LiveState::LiveState(const LiveLimits& limits, std::uint64_t hash_seed)
    : impl_(std::make_unique<Impl>(limits, hash_seed)) {}

LiveState::~LiveState() = default;

void LiveState::Apply(const EventBatch& batch, std::uint64_t first_sequence) {
  impl_->Apply(batch, first_sequence);
}

void LiveState::Erase(const LiveErasure& erasure, std::uint64_t number) {
  impl_->ChangeAll([&](std::unique_ptr<LiveData>& data) { data->Erase(erasure, number); });
}

std::uint64_t LiveState::erasures_applied() const {
  return impl_->AskCounts([](const LiveData& data) { return data.counters().erasures; });
}

void LiveState::SkipTo(std::uint64_t sequence) {
  impl_->ChangeAll([&](std::unique_ptr<LiveData>& data) { data->SkipTo(sequence); });
}

std::uint64_t LiveState::applied_sequence() const { return impl_->applied(); }

OnlineUsers LiveState::Online(std::int64_t now_ms) const {
  const LiveTime now = LiveTime::FromMillis(now_ms);
  return impl_->AskCounts([&](const LiveData& data) { return OnlineOf(data, now); });
}

EventTotals LiveState::Totals() const { return impl_->AskCounts(TotalsOf); }

EventRates LiveState::Rates(std::int64_t now_ms) const {
  const LiveTime now = LiveTime::FromMillis(now_ms);
  return impl_->AskCounts([&](const LiveData& data) { return RatesOf(data, now); });
}

Conversion LiveState::ConversionRate() const { return impl_->AskCounts(ConversionOf); }

Ranking LiveState::HotPages(Window window, std::size_t limit, std::int64_t now_ms) const {
  const LiveTime now = LiveTime::FromMillis(now_ms);
  return impl_->AskCounts(
      [&](const LiveData& data) { return data.pages().Top(window, limit, now); });
}

Ranking LiveState::HotElements(Window window, std::size_t limit, std::int64_t now_ms) const {
  const LiveTime now = LiveTime::FromMillis(now_ms);
  return impl_->AskCounts(
      [&](const LiveData& data) { return data.elements().Top(window, limit, now); });
}

Dashboard LiveState::GetDashboard(std::size_t hot_pages_limit, std::int64_t now_ms) const {
  const LiveTime now = LiveTime::FromMillis(now_ms);
  return impl_->AskCounts([&](const LiveData& data) {
    return Dashboard{OnlineOf(data, now), TotalsOf(data), RatesOf(data, now),
                     data.pages().Top(Window::kAll, hot_pages_limit, now), ConversionOf(data)};
  });
}

std::optional<UserProfile> LiveState::User(std::string_view user_id, std::int64_t now_ms) const {
  const LiveTime now = LiveTime::FromMillis(now_ms);
  return impl_->AskUsers([&](const LiveData& data) -> std::optional<UserProfile> {
    const std::uint32_t number = data.users().Find(data.HashOf(user_id), user_id);
    if (number == UserTable::kNone) return std::nullopt;
    return ProfileOf(data.users().at(number), data.users().acts(number), now);
  });
}

LiveState::RecentEvents LiveState::Recent(std::string_view user_id, std::size_t limit) const {
  return impl_->AskUsers([&](const LiveData& data) -> RecentEvents {
    const std::uint32_t number = data.users().Find(data.HashOf(user_id), user_id);
    // Nothing is known about users without a profile, but when the last such event was.
    if (number == UserTable::kNone) return {{}, data.overflow().last_sequence + 1};
    return RecentOf(data.recent(), data.users().at(number).last_sequence, limit);
  });
}

std::size_t LiveState::bytes() const {
  return impl_->AskAll([](const LiveData& data) { return data.bytes(); });
}

std::uint64_t LiveState::users() const {
  return impl_->AskUsers([](const LiveData& data) { return data.users().size(); });
}

std::uint64_t LiveState::users_overflow_events() const {
  return impl_->AskUsers([](const LiveData& data) { return data.overflow().events; });
}

std::uint64_t LiveState::types_overflow_events() const {
  return impl_->AskCounts(
      [](const LiveData& data) { return data.types().count(TypeTable::kOther); });
}

void LiveState::Save(std::string* out) const {
  const TakePiece append = [out](std::string_view piece) {
    out->append(piece);
    return Status::Ok();
  };
  static_cast<void>(Save(append));  // appending cannot fail
}

Status LiveState::Save(const TakePiece& take) const {
  return impl_->AskAll([&take](const LiveData& data) { return data.Save(take); });
}

Status LiveState::Load(std::string_view in) { return impl_->Load(in); }

}  // namespace v1
}  // namespace insightflow
