// insightflow: one binary with a command for each thing to do.

#include <variant>

#include "server/app/check.h"
#include "server/app/export.h"
#include "server/app/fold.h"
#include "server/app/import.h"
#include "server/app/query.h"
#include "server/app/report.h"
#include "server/app/serve.h"
#include "server/app/settings.h"

namespace {

using namespace insightflow::server;  // NOLINT(google-build-using-namespace)

int Run(const ServeSettings& settings) { return Serve(settings); }
int Run(const ImportSettings& settings) { return Import(settings); }
int Run(const QuerySettings& settings) { return AskStore(settings); }
int Run(const ExportSettings& settings) { return Export(settings); }
int Run(const CheckSettings& settings) { return Check(settings); }
int Run(const FoldSettings& settings) { return Fold(settings); }
int Run(const ExitNow& now) {
  if (!now.out.empty()) Print(now.out);
  if (!now.error.empty()) Complain(now.error);
  return now.code;
}

}  // namespace

int main(int argc, char** argv) {
  return std::visit([](const auto& command) { return Run(command); }, ParseCommandLine(argc, argv));
}
