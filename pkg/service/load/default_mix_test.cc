#include "pkg/service/load/default_mix.h"

#include <gtest/gtest.h>

#include "pkg/spec/reader.h"

namespace flyball::load {
namespace {

spec::App AppOf(const std::string& resources) {
  const auto documents =
      spec::Read({{"app.yaml",
                   "apiVersion: flyball.io/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec:\n"
                   "  auth:\n    accounts: users\n    roles: {user: {signup: true}}\n"
                   "  resources:\n    users:\n      fields:\n"
                   "        email: {type: string, format: email, unique: true}\n      required: [email]\n" +
                       resources}});
  for (const auto& problem : documents.problems) ADD_FAILURE() << spec::Format(problem);
  return documents.apps.empty() ? spec::App() : documents.apps.front();
}

std::string Filled(const Template& text) {
  std::string out;
  text.AppendTo(out, {7, 0, "ID"});
  return out;
}

TEST(DefaultMixTest, ListsReadsAndCreatesWithWhatIsRequired) {
  const auto mix = DefaultMix(AppOf(R"(    items:
      fields:
        title: {type: string}
        short: {type: string, minLength: 2, maxLength: 4}
        state: {type: string, enum: [new, old]}
        stock: {type: integer, minimum: 5}
        price: {type: number, exclusiveMinimum: 0, exclusiveMaximum: 1.5}
        gone: {type: boolean}
        due: {type: string, format: date}
        note: {type: string}
      required: [title, short, state, stock, price, gone, due]
      access: {create: "auth.role != null", list: "true", read: "true"}
)"));
  ASSERT_TRUE(mix) << mix.error().message;
  ASSERT_EQ(mix->kinds().size(), 3u);
  EXPECT_EQ(mix->kinds()[0].weight, 60);
  EXPECT_EQ(Filled(mix->kinds()[0].path), "/items");
  EXPECT_EQ(Filled(mix->kinds()[1].path), "/items/ID");
  EXPECT_EQ(mix->kinds()[2].method, "POST");
  EXPECT_EQ(Filled(mix->kinds()[2].body),
            R"({"title":"load 7","short":"load","state":"new","stock":5,"price":1,"gone":false,"due":"2026-01-01"})");
}

TEST(DefaultMixTest, OnlyListsWhatCannotBeCreated) {
  const auto mix =
      DefaultMix(AppOf("    items:\n      fields: {title: {type: string}}\n      required: [title]\n"
                       "      access: {list: \"true\"}\n"));
  ASSERT_TRUE(mix) << mix.error().message;
  ASSERT_EQ(mix->kinds().size(), 1u);
  EXPECT_EQ(mix->kinds()[0].method, "GET");
}

TEST(DefaultMixTest, SaysSoWhenThereIsNothingToAsk) {
  const auto mix = DefaultMix(AppOf(""));
  ASSERT_FALSE(mix);
  EXPECT_NE(mix.error().message.find("--mix"), std::string::npos);
}

}  // namespace
}  // namespace flyball::load
