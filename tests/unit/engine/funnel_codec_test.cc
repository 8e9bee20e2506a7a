// The bytes of a definition: those of the released version, and what is refused.
#include "lib/engine/funnel_codec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/stored_funnels.h"

namespace insightflow {
namespace {

using testing::FullFunnel;

// INSIGHTFLOW_GOLDEN_WRITE=1 writes the file: only for a new version, beside the old one.
TEST(FunnelCodec, ReadsAndWritesTheGoldenFile) {
  const auto path =
      std::filesystem::path(INSIGHTFLOW_SOURCE_DIR) / "tests/golden/formats/funnel-v1.bin";
  if (std::getenv("INSIGHTFLOW_GOLDEN_WRITE") != nullptr) {
    std::ofstream(path, std::ios::binary) << EncodeFunnel(FullFunnel());
  }
  std::ifstream in(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(in), {}};
  FunnelDefinition funnel;
  funnel.id = "full";
  ASSERT_TRUE(DecodeFunnel(golden, &funnel));
  EXPECT_EQ(funnel, FullFunnel());
  EXPECT_EQ(EncodeFunnel(FullFunnel()), golden);
}

TEST(FunnelCodec, RefusesEveryCutAndBytesLeftOver) {
  const std::string bytes = EncodeFunnel(FullFunnel());
  FunnelDefinition funnel;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_FALSE(DecodeFunnel(bytes.substr(0, size), &funnel)) << size;
  }
  EXPECT_FALSE(DecodeFunnel(bytes + '\0', &funnel));
}

TEST(FunnelCodec, RefusesValuesPastTheLastOfTheirKind) {
  FunnelDefinition funnel;
  funnel.name = "n";
  const std::string bytes = EncodeFunnel(funnel);
  // name (2), active, timezone (4), filters, limit, steps, window, order, per, rules (8, 1 + 8, 3)
  for (const std::size_t at : {2u, 10u, 11u, 12u, 21u, 30u, 31u, 32u, 35u, 36u, 37u}) {
    ASSERT_LT(at, bytes.size());
    std::string changed = bytes;
    changed[at] = 4;
    FunnelDefinition read;
    EXPECT_FALSE(DecodeFunnel(changed, &read)) << at;
  }
}

}  // namespace
}  // namespace insightflow
