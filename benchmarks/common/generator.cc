#include "benchmarks/common/generator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

#include "insightflow/time.h"

namespace insightflow::benchmarks {
namespace {

constexpr std::uint64_t kEventsASession = 12;
constexpr std::uint64_t kSecondsBetweenEvents = 30;
constexpr std::uint64_t kSessionsMax = 1u << 20;
constexpr std::size_t kEventBytesMax = 1024;

// A bijection, so that distinct indices give distinct ids. Source: Steele, Lea, Flood, "Fast
// splittable pseudorandom number generators" (2014), with Stafford's constants.
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint32_t Below(std::uint64_t draw32, std::uint32_t bound) {
  return static_cast<std::uint32_t>(((draw32 & 0xffffffffu) * bound) >> 32);
}

double Unit(std::uint64_t draw32) {
  return static_cast<double>(draw32 & 0xffffffffu) * (1.0 / 4294967296.0);
}

// Of r(u) = ((root - 1) u + 1)^k the density is that of a Zipf law with the exponent 1 - 1/k.
std::uint32_t Zipf(double unit, double root, int power, std::uint32_t bound) {
  const double base = (root - 1.0) * unit + 1.0;
  double rank = base;
  for (int i = 1; i < power; ++i) rank *= base;
  return std::min(static_cast<std::uint32_t>(rank) - 1, bound - 1);
}

// The greatest root with root^5 <= n, to 2^-20: products only, so it is the same everywhere.
double FifthRoot(double n) {
  double root = 1.0;
  for (double step = 1024.0; step > 1e-6; step /= 2) {
    const double next = root + step;
    if (next * next * next * next * next <= n) root = next;
  }
  return root;
}

Kind KindOf(std::uint32_t percent) {
  if (percent < 60) return Kind::kView;
  if (percent < 85) return Kind::kClick;
  if (percent < 95) return Kind::kScroll;
  if (percent < 99) return Kind::kForm;
  return Kind::kPurchase;
}

constexpr std::array<std::string_view, kKindCount> kKindNames = {"view", "click", "scroll", "form",
                                                                 "purchase"};

constexpr std::array<std::string_view, 16> kElements = {
    "product_card",    "add_cart_button", "product_image", "nav_menu",
    "search_button",   "product_rating",  "filter_price",  "wishlist_button",
    "add_cart_quick",  "footer_link",     "banner_sale",   "size_selector",
    "checkout_button", "quantity_field",  "coupon_field",  "newsletter_form"};

constexpr std::array<std::string_view, 8> kAgents = {
    "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile",
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0",
    "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Edg/126.0",
    "Mozilla/5.0 (iPad; CPU OS 17_5) Safari/604.1",
    "Mozilla/5.0 (Linux; Android 13) Chrome/125.0 Mobile"};

constexpr std::array<std::string_view, 8> kDevices = {"desktop", "desktop", "mobile", "mobile",
                                                      "desktop", "desktop", "tablet", "mobile"};

constexpr std::array<std::string_view, 8> kCountries = {"DE", "US", "CN", "FR",
                                                        "BR", "JP", "IN", "GB"};

constexpr std::array<std::string_view, 8> kSections = {"home",   "women", "men",    "kids",
                                                       "beauty", "sport", "garden", "sale"};

// Traits of a user never change.
std::uint64_t UserTraits(std::uint32_t user) { return Mix(user + 0x5eedu); }
std::size_t AgentOf(std::uint32_t user) { return UserTraits(user) & 7; }
std::size_t CountryOf(std::uint32_t user) { return (UserTraits(user) >> 3) & 7; }

// Writes into memory that is known to be large enough.
class Pen {
 public:
  explicit Pen(char* at) : at_(at) {}

  char* at() const { return at_; }
  Pen& Text(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Pen& Number(std::uint64_t value) {
    at_ = std::to_chars(at_, at_ + 20, value).ptr;
    return *this;
  }
  Pen& Padded(std::uint32_t value, int digits) {
    for (int i = digits - 1; i >= 0; --i, value /= 10) at_[i] = static_cast<char>('0' + value % 10);
    at_ += digits;
    return *this;
  }
  Pen& Hex(std::uint64_t value) {
    for (int i = 15; i >= 0; --i, value >>= 4) at_[i] = "0123456789abcdef"[value & 15];
    at_ += 16;
    return *this;
  }

 private:
  char* at_;
};

void WriteUser(std::uint32_t user, Pen* pen) { pen->Text("u").Padded(user, 8); }

void WritePage(std::uint32_t page, Pen* pen) {
  pen->Text("/").Text(kSections[page % kSections.size()]).Text("/").Padded(page, 5);
}

void WriteTitle(std::uint32_t page, Pen* pen) { pen->Text("Product ").Padded(page, 5); }

void WriteExtra(const GeneratedEvent& event, Pen* pen) {
  pen->Text(R"({"country":")").Text(kCountries[CountryOf(event.user)]);
  pen->Text(R"(","device":")").Text(kDevices[AgentOf(event.user)]);
  switch (event.kind) {
    case Kind::kView: pen->Text(R"(","load_ms":)").Number(event.value); break;
    case Kind::kClick: pen->Text(R"(","variant":"b")"); break;
    case Kind::kScroll: pen->Text(R"(","depth":)").Number(event.value); break;
    case Kind::kForm: pen->Text(R"(","fields":)").Number(event.value); break;
    case Kind::kPurchase:
      pen->Text(R"(","currency":"EUR","price":)").Number(event.value / 100).Text(".");
      pen->Padded(event.value % 100, 2);
      break;
  }
  pen->Text("}");
}

bool HasTitle(const GeneratedEvent& event) { return event.kind == Kind::kView; }
bool HasElement(const GeneratedEvent& event) {
  return event.kind == Kind::kClick || event.kind == Kind::kForm;
}
bool HasPosition(const GeneratedEvent& event) { return event.kind == Kind::kClick; }

void WriteJson(const GeneratedEvent& event, Pen* pen) {
  pen->Text(R"({"event_id":")").Hex(event.id_high).Hex(event.id_low);
  pen->Text(R"(","user_id":")");
  WriteUser(event.user, pen);
  pen->Text(R"(","session_id":")").Hex(event.session);
  pen->Text(R"(","event_type":")").Text(KindName(event.kind));
  pen->Text(R"(","page_url":")");
  WritePage(event.page, pen);
  pen->Text(R"(","timestamp":)").Number(static_cast<std::uint64_t>(event.time_ms));
  if (HasTitle(event)) {
    pen->Text(R"(,"page_title":")");
    WriteTitle(event.page, pen);
    pen->Text("\"");
  }
  if (HasElement(event)) pen->Text(R"(,"element":")").Text(kElements[event.element]).Text("\"");
  if (HasPosition(event)) {
    pen->Text(R"(,"position_x":)").Number(event.x).Text(R"(,"position_y":)").Number(event.y);
  }
  pen->Text(R"(,"user_agent":")").Text(kAgents[AgentOf(event.user)]);
  pen->Text(R"(","extra_data":)");
  WriteExtra(event, pen);
  pen->Text("}");
}

void WriteAllTsv(const GeneratedEvent& event, Pen* pen) {
  pen->Hex(event.id_high).Hex(event.id_low).Text("\t");
  WriteUser(event.user, pen);
  pen->Text("\t").Hex(event.session).Text("\t").Text(KindName(event.kind)).Text("\t");
  WritePage(event.page, pen);
  pen->Text("\t").Number(static_cast<std::uint64_t>(event.time_ms)).Text("\t");
  if (HasTitle(event)) WriteTitle(event.page, pen);
  pen->Text("\t");
  if (HasElement(event)) pen->Text(kElements[event.element]);
  if (HasPosition(event)) {
    pen->Text("\t").Number(event.x).Text("\t").Number(event.y).Text("\t");
  } else {
    pen->Text("\t\\N\t\\N\t");
  }
  pen->Text(kAgents[AgentOf(event.user)]).Text("\t");
  WriteExtra(event, pen);
  pen->Text("\n");
}

template <typename Write>
void Append(std::string* out, std::size_t bytes_max, const Write& write) {
  const std::size_t before = out->size();
  if (out->capacity() < before + bytes_max) {
    out->reserve(std::max(before + bytes_max, 2 * out->capacity()));
  }
  char room[kEventBytesMax];
  Pen pen(room);
  write(&pen);
  out->append(room, static_cast<std::size_t>(pen.at() - room));
}

template <typename Write>
std::string Written(const Write& write) {
  std::string text;
  Append(&text, 0, write);
  return text;
}

}  // namespace

Generator::Generator(const GeneratorOptions& options)
    : options_(options),
      salt_(Mix(options.seed ^ 0x9e3779b97f4a7c15u)),
      state_(Mix(salt_)),
      user_root_(std::sqrt(std::sqrt(static_cast<double>(options.users)))),
      page_root_(FifthRoot(static_cast<double>(options.pages))) {
  const std::uint64_t wanted = options.events_per_second * kSecondsBetweenEvents;
  const std::uint64_t users_half = std::max<std::uint64_t>(options.users / 2, 1);
  sessions_.resize(std::min({wanted, users_half, kSessionsMax}));
  for (Session& session : sessions_) Begin(&session);
}

std::uint64_t Generator::Draw() { return Mix(state_ += 0x9e3779b97f4a7c15u); }

void Generator::Begin(Session* session) {
  const std::uint64_t draw = Draw();
  session->id = Draw();
  session->user = Zipf(Unit(draw), user_root_, 4, options_.users);
  session->page = Zipf(Unit(draw >> 32), page_root_, 5, options_.pages);
}

GeneratedEvent Generator::Next() {
  const std::uint64_t draw = Draw();
  const std::uint64_t detail = Draw();
  Session& session = sessions_[Below(draw, static_cast<std::uint32_t>(sessions_.size()))];
  if (Below(draw >> 32, kEventsASession) == 0) Begin(&session);

  GeneratedEvent event;
  event.kind = KindOf(Below(detail, 100));
  if (event.kind == Kind::kView) {
    session.page = Zipf(Unit(detail >> 32), page_root_, 5, options_.pages);
  }
  event.id_high = Mix(index_ + salt_);
  event.id_low = Mix(event.id_high ^ salt_);
  event.session = session.id;
  event.user = session.user;
  event.page = session.page;
  event.time_ms =
      options_.start_ms + static_cast<std::int64_t>(index_ * 1000 / options_.events_per_second);
  event.element = static_cast<std::uint32_t>(detail >> 60);
  event.x = 20 * static_cast<std::uint32_t>((detail >> 32) % 64);
  event.y = 20 * static_cast<std::uint32_t>((detail >> 38) % 128);
  switch (event.kind) {
    case Kind::kView: event.value = 100 + 10 * static_cast<std::uint32_t>(draw % 100); break;
    case Kind::kScroll:
      event.value = 25 * (1 + static_cast<std::uint32_t>(detail >> 32) % 4);
      break;
    case Kind::kForm:
      event.element = 12 + event.element % 4;
      event.value = 1 + static_cast<std::uint32_t>(detail >> 32) % 8;
      break;
    case Kind::kPurchase: event.value = 495 + 100 * (event.page % 250); break;
    case Kind::kClick: break;
  }
  ++index_;
  return event;
}

const char* KindName(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)].data(); }

Event ToEvent(const GeneratedEvent& event) {
  Event out;
  out.event_id = Written([&](Pen* pen) { pen->Hex(event.id_high).Hex(event.id_low); });
  out.user_id = Written([&](Pen* pen) { WriteUser(event.user, pen); });
  out.session_id = Written([&](Pen* pen) { pen->Hex(event.session); });
  out.event_type = KindName(event.kind);
  out.page_url = Written([&](Pen* pen) { WritePage(event.page, pen); });
  out.timestamp = FromMillis(event.time_ms);
  if (HasTitle(event)) out.page_title = Written([&](Pen* pen) { WriteTitle(event.page, pen); });
  if (HasElement(event)) out.element = kElements[event.element];
  if (HasPosition(event)) {
    out.position_x = static_cast<std::int32_t>(event.x);
    out.position_y = static_cast<std::int32_t>(event.y);
  }
  out.user_agent = kAgents[AgentOf(event.user)];
  out.extra_data = Written([&](Pen* pen) { WriteExtra(event, pen); });
  return out;
}

void AppendJson(const GeneratedEvent& event, std::string* out) {
  Append(out, kEventBytesMax, [&](Pen* pen) { WriteJson(event, pen); });
}

void AppendJsonBatch(Generator* generator, std::size_t count, std::string* out) {
  out->append(R"({"events":[)");
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out->push_back(',');
    AppendJson(generator->Next(), out);
  }
  out->append("]}");
}

std::string CsvHeader() {
  return "event_id,user_id,session_id,event_type,page_url,timestamp,page_title,element,position_x,"
         "position_y,user_agent,country,device,value\n";
}

void AppendCsv(const GeneratedEvent& event, std::string* out) {
  Append(out, kEventBytesMax, [&](Pen* pen) {
    pen->Hex(event.id_high).Hex(event.id_low).Text(",");
    WriteUser(event.user, pen);
    pen->Text(",").Hex(event.session).Text(",").Text(KindName(event.kind)).Text(",");
    WritePage(event.page, pen);
    pen->Text(",").Number(static_cast<std::uint64_t>(event.time_ms)).Text(",");
    if (HasTitle(event)) WriteTitle(event.page, pen);
    pen->Text(",");
    if (HasElement(event)) pen->Text(kElements[event.element]);
    pen->Text(",");
    if (HasPosition(event)) pen->Number(event.x);
    pen->Text(",");
    if (HasPosition(event)) pen->Number(event.y);
    pen->Text(",").Text(kAgents[AgentOf(event.user)]).Text(",");
    pen->Text(kCountries[CountryOf(event.user)]).Text(",").Text(kDevices[AgentOf(event.user)]);
    pen->Text(",").Number(event.value).Text("\n");
  });
}

void AppendTsv(const GeneratedEvent& event, TsvColumns columns, std::string* out) {
  Append(out, kEventBytesMax, [&](Pen* pen) {
    if (columns == TsvColumns::kAll) return WriteAllTsv(event, pen);
    WriteUser(event.user, pen);
    pen->Text("\t").Number(static_cast<std::uint64_t>(event.time_ms)).Text("\t");
    pen->Text(KindName(event.kind)).Text("\t");
    WritePage(event.page, pen);
    pen->Text("\n");
  });
}

}  // namespace insightflow::benchmarks
