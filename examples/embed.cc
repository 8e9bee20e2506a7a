// Analytics inside a C++ program: opens an engine, takes a batch, asks for the live numbers.
//
//   example_embed [FOLDER]    without a folder the store lives in memory and is gone at the end

#include <insightflow/engine.h>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

namespace {

// A visit: everyone looks at two pages, every second visitor clicks, the first one buys.
std::vector<insightflow::Event> MakeVisit(int visitor, insightflow::Timestamp start) {
  insightflow::Event event;
  event.user_id = "visitor-" + std::to_string(visitor);
  event.session_id = "session-" + std::to_string(visitor);
  std::vector<insightflow::Event> visit;
  const auto add = [&](const char* type, const char* page) {
    event.event_id = event.session_id + "-" + std::to_string(visit.size());
    event.event_type = type;
    event.page_url = page;
    event.timestamp = start + std::chrono::seconds(visit.size());
    visit.push_back(event);
  };
  add("view", "/");
  add("view", visitor % 3 == 0 ? "/shoes" : "/hats");
  if (visitor % 2 == 0) add("click", "/shoes");
  if (visitor == 0) add("purchase", "/cart");
  return visit;
}

int Fail(const insightflow::Status& status) {
  std::cerr << "embed: " << status.ToString() << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  insightflow::EngineOptions options;
  if (argc > 1) options.data_dir = argv[1];
  auto opened = insightflow::Engine::Open(options);
  if (!opened.ok()) return Fail(opened.status());
  insightflow::Engine& engine = **opened;

  const auto now = insightflow::Clock::System().Now();
  for (int visitor = 0; visitor < 10; ++visitor) {
    const auto visit = MakeVisit(visitor, now - std::chrono::minutes(1));
    const auto taken = engine.Ingest(visit);
    if (!taken.ok()) return Fail(taken.status());
    if (taken->accepted + taken->duplicates != visit.size()) {
      return Fail(insightflow::Internal("an event was rejected"));
    }
    // A batch that is sent again, because its answer was lost, counts once.
    const auto again = engine.Ingest(visit);
    if (!again.ok()) return Fail(again.status());
  }

  const insightflow::Dashboard dashboard = engine.GetDashboard(3);
  std::cout << "online now    " << dashboard.online.last_5_minutes << " users\n"
            << "events        " << dashboard.totals.total << '\n';
  for (const auto& type : dashboard.totals.by_type) {
    std::cout << "  " << type.type << ' ' << type.count << '\n';
  }
  for (const auto& page : dashboard.hot_pages.rows) {
    std::cout << "hot page      " << page.value << ' ' << page.count << '\n';
  }
  std::cout << "conversion    " << dashboard.conversion.rate << " %\n";

  const insightflow::Status closed = engine.Close();
  return closed.ok() ? 0 : Fail(closed);
}
