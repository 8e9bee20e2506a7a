#include "lib/analytics/sessioniser.h"

#include <algorithm>

#include "lib/base/hash.h"
#include "lib/model/time_zone.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t kNoCampaign = 1;
constexpr std::string_view kCampaignKey = "utm_campaign=";

// Times of a run rise, so that the difference fits whatever the two are.
std::uint64_t Since(std::int64_t earlier, std::int64_t later) {
  return static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string_view DecodeForm(std::string_view text, std::string* scratch) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  scratch->clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                       HexDigit(text[i + 2]) >= 0;
    if (coded) {
      scratch->push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      scratch->push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return *scratch;
}

// What a session knows of a property that splits when it changes; 0 stands for absent.
class Held {
 public:
  void Restart(std::uint64_t value) { value_ = value; }
  bool Changes(std::uint64_t value) const { return value != 0 && value_ != 0 && value != value_; }
  void Take(std::uint64_t value) {
    if (value_ == 0) value_ = value;
  }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace

std::string_view CampaignOfUrl(std::string_view url, std::string* scratch) {
  url = url.substr(0, url.find('#'));
  const std::size_t mark = url.find('?');
  if (mark == std::string_view::npos) return {};
  std::string_view query = url.substr(mark + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    if (part.starts_with(kCampaignKey)) {
      return DecodeForm(part.substr(kCampaignKey.size()), scratch);
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

Result<Sessioniser> Sessioniser::Create(const SessionRules& rules, const std::string& timezone,
                                        ScanPlan* plan) {
  if (rules.timeout <= Duration::zero()) {
    return InvalidArgument("timeout must be longer than 0");
  }
  if (rules.max_duration && *rules.max_duration <= Duration::zero()) {
    return InvalidArgument("max_duration must be longer than 0, or absent");
  }
  Sessioniser made;
  made.timeout_ms_ = static_cast<std::uint64_t>(rules.timeout.count());
  if (rules.max_duration) {
    made.max_ms_ = static_cast<std::uint64_t>(rules.max_duration->count());
  }
  if (rules.split_midnight) {
    const Result<absl::TimeZone> zone = LoadZone(timezone);
    if (!zone.ok()) return zone.status();
    made.zone_ = *zone;
  }
  if (rules.split_campaign) {
    made.pages_ = *plan->AddText("page_url");
    made.campaigns_ = *plan->AddText("extra_data.utm_campaign");
  }
  if (rules.split_session_id) made.session_ids_ = *plan->AddIdentity("session_id");
  return made;
}

void SessionCutter::Cut(const Timelines& timelines, std::size_t run,
                        std::vector<SessionSpan>* sessions) {
  sessions->clear();
  Append(timelines, run, sessions);
}

std::size_t SessionCutter::CutSome(const Timelines& timelines, std::size_t run,
                                   std::vector<SessionSpan>* sessions,
                                   std::vector<std::size_t>* run_ends) {
  constexpr std::size_t kSessionsAtATime = 1'024;
  sessions->clear();
  run_ends->clear();
  for (; run < timelines.runs() && sessions->size() < kSessionsAtATime; ++run) {
    Append(timelines, run, sessions);
    run_ends->push_back(sessions->size());
  }
  return run;
}

void SessionCutter::Append(const Timelines& timelines, std::size_t run,
                           std::vector<SessionSpan>* sessions) {
  const auto begin = static_cast<std::uint32_t>(timelines.RunBegin(run));
  const std::uint32_t end = timelines.run_ends[run];
  if (rules_->zone_ || rules_->pages_ || rules_->session_ids_) {
    CutByAll(timelines, begin, end, sessions);
  } else {
    CutByTime(timelines.time_ms.data(), begin, end, sessions);
  }
}

// Where a gap is follows from two neighbours alone: those are found first, without a branch a row.
void SessionCutter::CutByTime(const std::int64_t* times, std::uint32_t begin, std::uint32_t end,
                              std::vector<SessionSpan>* sessions) {
  const std::uint64_t timeout = rules_->timeout_ms_;
  if (ends_.size() < end - begin) ends_.resize(end - begin);
  std::uint32_t* const ends = ends_.data();
  std::uint32_t count = 0;
  for (std::uint32_t row = begin + 1; row < end; ++row) {
    ends[count] = row;
    count += Since(times[row - 1], times[row]) > timeout ? 1 : 0;
  }
  ends[count++] = end;
  SplitCause cause = SplitCause::kFirst;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (Since(times[begin], times[ends[i] - 1]) <= rules_->max_ms_) {
      sessions->push_back({begin, ends[i], cause});
    } else {
      CutByMaximum(times, {begin, ends[i], cause}, sessions);
    }
    begin = ends[i];
    cause = SplitCause::kTimeout;
  }
}

void SessionCutter::CutByMaximum(const std::int64_t* times, SessionSpan rest,
                                 std::vector<SessionSpan>* sessions) const {
  for (std::uint32_t row = rest.begin + 1; row < rest.end; ++row) {
    if (Since(times[rest.begin], times[row]) <= rules_->max_ms_) continue;
    sessions->push_back({rest.begin, row, rest.cause});
    rest.begin = row;
    rest.cause = SplitCause::kMaxDuration;
  }
  sessions->push_back(rest);
}

void SessionCutter::CutByAll(const Timelines& timelines, std::uint32_t begin, std::uint32_t end,
                             std::vector<SessionSpan>* sessions) {
  const std::int64_t* const times = timelines.time_ms.data();
  SplitCause cause = SplitCause::kFirst;
  Held campaign, session_id;
  std::int64_t midnight = std::numeric_limits<std::int64_t>::max();
  std::uint32_t first = begin;
  const auto split_before = [&](std::uint32_t row, std::uint64_t its_campaign,
                                std::uint64_t its_id) {
    if (Since(times[row - 1], times[row]) > rules_->timeout_ms_) return SplitCause::kTimeout;
    if (Since(times[first], times[row]) > rules_->max_ms_) return SplitCause::kMaxDuration;
    if (times[row] >= midnight) return SplitCause::kMidnight;
    if (campaign.Changes(its_campaign)) return SplitCause::kCampaign;
    return session_id.Changes(its_id) ? SplitCause::kSessionId : SplitCause::kFirst;
  };
  for (std::uint32_t row = begin; row < end; ++row) {
    const std::uint64_t its_campaign = rules_->pages_ ? CampaignOf(timelines, row) : 0;
    const std::uint64_t its_id =
        rules_->session_ids_ ? timelines.identities[*rules_->session_ids_][row] : 0;
    if (row != begin) {
      const SplitCause split = split_before(row, its_campaign, its_id);
      if (split == SplitCause::kFirst) {
        campaign.Take(its_campaign);
        session_id.Take(its_id);
        continue;
      }
      sessions->push_back({first, row, cause});
      cause = split;
    }
    first = row;
    campaign.Restart(its_campaign);
    session_id.Restart(its_id);
    if (rules_->zone_) midnight = days_.At(times[row]).end_ms;
  }
  sessions->push_back({first, end, cause});
}

std::uint64_t SessionCutter::CampaignOf(const Timelines& timelines, std::uint32_t row) {
  const std::uint64_t of_page = CampaignOfCode(timelines.texts[*rules_->pages_][row], true);
  return of_page != 0 ? of_page : CampaignOfCode(timelines.texts[*rules_->campaigns_][row], false);
}

std::uint64_t SessionCutter::CampaignOfCode(std::uint32_t code, bool is_page) {
  if (code == 0) return 0;
  const std::size_t at = 2 * std::size_t{code} + (is_page ? 1 : 0);
  GrowTo(&campaigns_, at + 1);
  if (campaigns_[at] == 0) {
    std::string scratch;
    const std::string_view text = values_->Text(code);
    const std::string_view campaign = is_page ? CampaignOfUrl(text, &scratch) : text;
    campaigns_[at] = campaign.empty() ? kNoCampaign : HashBytes(campaign, 1) | 2;
  }
  return campaigns_[at] == kNoCampaign ? 0 : campaigns_[at];
}

}  // namespace v1
}  // namespace insightflow
