// Uses a symbol of every public header, so that a missing export or header fails to build or link.

#include <insightflow/analytics.h>
#include <insightflow/engine.h>
#include <insightflow/event.h>
#include <insightflow/export.h>
#include <insightflow/exporter.h>
#include <insightflow/importer.h>
#include <insightflow/ingest.h>
#include <insightflow/live.h>
#include <insightflow/options.h>
#include <insightflow/query.h>
#include <insightflow/result.h>
#include <insightflow/status.h>
#include <insightflow/store.h>
#include <insightflow/time.h>
#include <insightflow/version.h>
#include <insightflow/wire.h>

#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace {

int Fail(std::string_view what, const insightflow::Status& status) {
  std::cerr << "consumer: " << what << ": " << status.ToString() << '\n';
  return 1;
}

// Keeps a funnel and asks for it by its id.
int AskFunnel(insightflow::Engine& engine) {
  const auto funnel = insightflow::ParseFunnel(R"({"id":"f","steps":[{"event":"view"}]})");
  if (!funnel.ok()) return Fail("parse a funnel", funnel.status());
  if (const auto added = engine.AddFunnel(*funnel); !added.ok()) return Fail("add", added);
  const auto query =
      insightflow::ParseQuery(R"({"kind":"funnel","funnel_id":"f"})",
                              [&engine](std::string_view id) { return engine.ActiveFunnel(id); });
  if (!query.ok()) return Fail("parse by id", query.status());
  const auto answer = engine.Query(*query);
  if (!answer.ok()) return Fail("query by id", answer.status());
  const auto* counts = std::get_if<insightflow::FunnelAnswer>(&answer->body);
  if (counts == nullptr || counts->counts.total_users != 1) {
    return Fail("another funnel", insightflow::Status::Ok());
  }
  return 0;
}

// Asks over the wire's JSON, of the store and of the event alone, and reads the store's lines.
int Ask(const insightflow::Engine& engine, const insightflow::Event& event) {
  const auto query = insightflow::ParseQuery(R"({"kind":"top","field":"page_url"})");
  if (!query.ok()) return Fail("parse", query.status());
  const auto stored = engine.Query(*query);
  if (!stored.ok()) return Fail("query", stored.status());
  const auto alone = insightflow::Analyze(*query, std::span(&event, 1), event.timestamp);
  if (!alone.ok() || alone->body != stored->body) return Fail("analyze", alone.status());
  const insightflow::TopAnswer* top = std::get_if<insightflow::TopAnswer>(&stored->body);
  if (top == nullptr || top->rows.size() != 1 || top->rows[0].value != "/home") {
    return Fail("another answer", insightflow::Status::Ok());
  }
  if (!insightflow::WriteAnswer(*query, *stored).starts_with(R"({"kind":"top")")) {
    return Fail("another text", insightflow::Status::Ok());
  }

  const auto exporter = insightflow::Exporter::Create(engine, insightflow::ExportOptions());
  if (!exporter.ok()) return Fail("exporter", exporter.status());
  std::string lines;
  while (true) {
    const auto more = (*exporter)->Next(&lines);
    if (!more.ok()) return Fail("export", more.status());
    if (!*more) break;
  }
  return (*exporter)->events() == 2 ? 0 : Fail("exported other events", insightflow::Status::Ok());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return Fail("usage: consumer FOLDER", insightflow::Status::Ok());
  if (std::string_view(insightflow::Version()) != INSIGHTFLOW_VERSION) {
    return Fail("another version was linked", insightflow::Status::Ok());
  }
  insightflow::EngineOptions options;
  options.data_dir = argv[1];
  {
    auto engine = insightflow::Engine::Open(options);
    if (!engine.ok()) return Fail("open", engine.status());
    const insightflow::Event event{.user_id = "u1",
                                   .session_id = "s1",
                                   .event_type = "view",
                                   .page_url = "/home",
                                   .timestamp = insightflow::Clock::System().Now()};
    auto taken = (*engine)->Ingest(std::span(&event, 1));
    if (!taken.ok() || taken->accepted != 1) return Fail("ingest", taken.status());

    auto importer = insightflow::Importer::Create(**engine, insightflow::ImportOptions());
    if (!importer.ok()) return Fail("importer", importer.status());
    const insightflow::Status added =
        (*importer)->Add(R"({"user_id":"u2","event_type":"buy","timestamp":1700000000000})");
    if (!added.ok()) return Fail("add", added);
    auto imported = (*importer)->Finish();
    if (!imported.ok() || imported->accepted != 1) return Fail("import", imported.status());
    importer->reset();
    if (const int failed = Ask(**engine, event); failed != 0) return failed;
    if (const int failed = AskFunnel(**engine); failed != 0) return failed;

    const insightflow::Status closed = (*engine)->Close();
    if (!closed.ok()) return Fail("close", closed);
  }
  const auto report = insightflow::CheckStore(options.data_dir);
  if (!report.ok() || report->events != 2 || !report->damage.empty()) {
    return Fail("check", report.status());
  }
  std::cout << insightflow::DurabilityName(insightflow::Durability::kFsync) << ' '
            << insightflow::RejectCodeName(insightflow::RejectCode::kBadTime) << ' '
            << insightflow::StatusCodeName(insightflow::StatusCode::kDataLoss) << '\n';
  return 0;
}
