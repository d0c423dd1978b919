// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/meta.h"

#include <gtest/gtest.h>

#include <string>

#include "proto/response.h"

namespace cucache {
namespace {

using Parser = void (*)(const Tokens&, const Clock&, char*, MetaRequest*);

class Meta : public testing::Test {
 protected:
  MetaRequest Parse(Parser parser, const std::string& line) {
    line_ = line;
    MetaRequest out;
    parser(Tokens(line_), clock_, buffer_, &out);
    return out;
  }
  std::string_view Error(Parser parser, const std::string& line) {
    return Parse(parser, line).error;
  }
  static std::string Fields(const MetaRequest& r) {
    return {r.reply.fields, r.reply.count};
  }

  Clock clock_;
  std::string line_;
  char buffer_[kKeyBuffer];
};

TEST_F(Meta, FlagsInRequestOrder) {
  const MetaRequest r =
      Parse(ParseMetaGet, "mg key s v f c t l h k Oxyz q u E9");
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(Fields(r), "sfctlhkO");
  EXPECT_EQ(r.reply.opaque, "Oxyz");
  EXPECT_EQ(r.reply.key, "key");
  EXPECT_TRUE(r.reply.quiet);
  EXPECT_TRUE(r.reply.show_value);
  EXPECT_TRUE(r.request.Has(kNoBump));
  EXPECT_TRUE(r.request.Has(kExplicitCas));
  EXPECT_EQ(r.request.new_cas, 9u);
}

// The short way says what the long way says, or nothing.
TEST_F(Meta, PlainGet) {
  const std::string k250(250, 'k');
  for (const std::string& line : std::vector<std::string>{
           "mg k", "mg key v", "mg key s v f c t l h k q", "mg key k q",
           "mg key O", "mg k O123", "mg key q O123 k v", "mg " + k250 + " v",
           "mg key v O" + std::string(31, 'o')}) {
    const std::string input = line + "\r\n";
    const char* const end = input.data() + input.size();
    MetaReply plain;
    EXPECT_EQ(ParsePlainMetaGet(input.data() + 3, end, &plain), end) << line;
    EXPECT_EQ(ParsePlainMetaGet(input.data() + 3, end - 1, &plain), nullptr);
    plain = MetaReply();
    (void)ParsePlainMetaGet(input.data() + 3, end, &plain);
    const MetaRequest r = Parse(ParseMetaGet, line);
    EXPECT_EQ(r.error, "");
    EXPECT_EQ(r.request.options, 0);
    EXPECT_EQ(plain.key, r.request.key);
    EXPECT_EQ(plain.key, r.reply.key);
    EXPECT_EQ(plain.quiet, r.reply.quiet);
    EXPECT_EQ(plain.show_value, r.reply.show_value);
    EXPECT_EQ(std::string(plain.fields, plain.count), Fields(r));
    EXPECT_EQ(plain.opaque, r.reply.opaque);
  }
  for (const std::string& line :
       std::vector<std::string>{"mg ",
                                "mg  k",
                                "mg k ",
                                "mg k  v",
                                "mg k v v",
                                "mg k s s",
                                "mg k O1 O2",
                                "mg k O1\x01",
                                "mg k O" + std::string(32, 'o'),
                                "mg k Oxyz ",
                                "mg k O1  v",
                                "mg k T30",
                                "mg k b",
                                "mg k u",
                                "mg k vs",
                                "mg k E",
                                "mg k !",
                                "mg k \xff",
                                "mg k v\n",
                                "mg k\t v",
                                "mg k\r v",
                                "mg " + k250 + "k v"}) {
    const std::string input = line + "\r\n";
    MetaReply plain;
    EXPECT_EQ(ParsePlainMetaGet(input.data() + 3, input.data() + input.size(),
                                &plain),
              nullptr)
        << line;
  }
}

TEST_F(Meta, PlainSet) {
  const std::string value = std::string(20, 'v') + "\r\n";
  const std::string k250(250, 'k');
  for (const std::string& line : std::vector<std::string>{
           "ms k 20", "ms key 0 q", "ms k 2 Oabc", "ms k 2 O c",
           "ms k 2 q T5 O" + std::string(31, 'o'), "ms key 123456789 c k s q",
           "ms k 2 T0", "ms k 2 T100 F5", "ms k 2 F123456789 T99999999 c",
           "ms " + k250 + " 20 s"}) {
    const std::string input = line + "\r\n" + value;
    const char* const end = input.data() + input.size();
    Request request;
    MetaReply reply;
    const char* const next =
        ParsePlainMetaSet(input.data() + 3, end, clock_, &request, &reply);
    EXPECT_EQ(next, input.data() + line.size() + 2) << line;
    const MetaRequest r = Parse(ParseMetaSet, line);
    EXPECT_EQ(r.error, "");
    EXPECT_EQ(request.key, r.request.key);
    EXPECT_EQ(reply.key, r.reply.key);
    EXPECT_EQ(request.options, r.request.options);
    EXPECT_EQ(request.flags, r.request.flags);
    EXPECT_EQ(request.exptime, r.request.exptime);
    EXPECT_EQ(request.value_length, r.request.value_length);
    EXPECT_EQ(request.mode, StoreMode::kSet);
    EXPECT_EQ(reply.quiet, r.reply.quiet);
    EXPECT_EQ(std::string(reply.fields, reply.count), Fields(r));
    EXPECT_EQ(reply.opaque, r.reply.opaque);
    // Cut anywhere it reads nothing behind the cut.
    for (size_t n = 3; n < line.size() + 2; ++n) {
      const std::vector<char> cut(input.begin() + 3, input.begin() + n);
      MetaReply none;
      EXPECT_EQ(ParsePlainMetaSet(cut.data(), cut.data() + cut.size(), clock_,
                                  &request, &none),
                nullptr);
    }
  }
  for (const std::string& line :
       std::vector<std::string>{"ms ",
                                "ms k",
                                "ms k ",
                                "ms k  2",
                                "ms k 2 ",
                                "ms k 2  q",
                                "ms k -1",
                                "ms k 2x",
                                "ms k 1234567890",
                                "ms k 2 q q",
                                "ms k 2 T",
                                "ms k 2 T-1",
                                "ms k 2 T1x",
                                "ms k 2 T1234567890",
                                "ms k 2 F",
                                "ms k 2 F-1",
                                "ms k 2 qq",
                                "ms k 2 Oabc O",
                                "ms k 2 O" + std::string(32, 'o'),
                                "ms k 2 b",
                                "ms k 2 MA",
                                "ms k 2 C5",
                                "ms k 2 I",
                                "ms k 2 E9",
                                "ms k 2 t",
                                "ms k 2 T1 T2",
                                "ms k 2\tq",
                                "ms k\r 2",
                                "ms k 2 q\n",
                                "ms " + k250 + "k 2"}) {
    const std::string input = line + "\r\n" + value;
    Request request;
    MetaReply reply;
    EXPECT_EQ(ParsePlainMetaSet(input.data() + 3, input.data() + input.size(),
                                clock_, &request, &reply),
              nullptr)
        << line;
  }
}

TEST_F(Meta, ArgumentsOfGet) {
  const MetaRequest r = Parse(ParseMetaGet, "mg k T10 N20 R30 C40");
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.request.exptime, clock_.FromExptime(10));
  EXPECT_EQ(r.request.vivify_exptime, clock_.FromExptime(20));
  EXPECT_EQ(r.request.recache_ttl, 30);
  EXPECT_EQ(r.request.cas, 40u);
  EXPECT_EQ(r.request.options, kTouch | kVivify | kRecache | kCompareCas);
  EXPECT_FALSE(r.reply.show_value);
}

TEST_F(Meta, TtlLeftOfItsChangeIsTheOldOne) {
  EXPECT_EQ(Fields(Parse(ParseMetaGet, "mg k t T10")), "<");
  EXPECT_EQ(Fields(Parse(ParseMetaGet, "mg k s t N10")), "s<");
  EXPECT_EQ(Fields(Parse(ParseMetaGet, "mg k T10 t")), "t");
}

TEST_F(Meta, Base64Key) {
  const MetaRequest r = Parse(ParseMetaGet, "mg Zm9v b k");
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.request.key, "foo");
  EXPECT_EQ(r.reply.key, "foo");
  EXPECT_TRUE(r.reply.binary_key);
  EXPECT_TRUE(r.request.binary_key);
}

TEST_F(Meta, ErrorsOfFlags) {
  const auto parser = ParseMetaGet;
  EXPECT_EQ(Error(parser, "mg"), reply::kBadFormat);
  EXPECT_EQ(Error(parser, "mg k !"), reply::kBadFormat);
  EXPECT_EQ(Error(parser, "mg k {"), reply::kBadFormat);
  EXPECT_EQ(Error(parser, "mg k @"), reply::kBadFormat);
  EXPECT_EQ(Error(parser, "mg k \x80"), reply::kBadFormat);
  EXPECT_EQ(Error(parser, "mg k v v"), reply::kDuplicateFlag);
  EXPECT_EQ(Error(parser, "mg k S1"), reply::kInvalidFlag);
  EXPECT_EQ(Error(parser, "mg k 5"), reply::kInvalidFlag);
  EXPECT_EQ(Error(parser, "mg k ["), reply::kInvalidFlag);
  for (const char* flag : {"T", "N", "R", "C", "E", "Tx", "C-1", "N1x"}) {
    EXPECT_EQ(Error(parser, std::string("mg k ") + flag), reply::kBadToken);
  }
  EXPECT_EQ(Error(parser, "mg k F"), reply::kBadFormat);
  EXPECT_EQ(Error(parser, "mg k F4294967296"), reply::kBadFormat);
  EXPECT_EQ(Error(parser, "mg k J"), reply::kBadInitial);
  EXPECT_EQ(Error(parser, "mg k Dx"), reply::kBadMetaDelta);
  EXPECT_EQ(Error(parser, "mg !!! b"), reply::kBadKeyEncoding);
}

TEST_F(Meta, LimitsOfALine) {
  EXPECT_EQ(Error(ParseMetaGet, "mg " + std::string(250, 'k')), "");
  EXPECT_EQ(Error(ParseMetaGet, "mg " + std::string(251, 'k')),
            reply::kBadFormat);
  EXPECT_EQ(Error(ParseMetaGet, "mg k O" + std::string(31, 'o')), "");
  EXPECT_EQ(Error(ParseMetaGet, "mg k O" + std::string(32, 'o')),
            reply::kOpaqueTooLong);
  EXPECT_EQ(Error(ParseMetaGet, "mg k b q k c f s t v h u x I l M J1 D1 P L"),
            reply::kBadKeyEncoding);
  EXPECT_EQ(Error(ParseMetaGet, "mg k b q k c f s t v h u x I l M J1 D1 P L v"),
            reply::kTooManyFlags);
}

// memcached goes on after a wrong argument: the last error is the one.
TEST_F(Meta, TheLastErrorIsTold) {
  EXPECT_EQ(Error(ParseMetaGet, "mg k Fx Cx"), reply::kBadToken);
  EXPECT_EQ(Error(ParseMetaGet, "mg k Cx Fx"), reply::kBadToken);
  EXPECT_EQ(Error(ParseMetaGet, "mg k Cx Dx"), reply::kBadMetaDelta);
  EXPECT_EQ(Error(ParseMetaGet, "mg k Cx v v"), reply::kDuplicateFlag);
}

TEST_F(Meta, Set) {
  const MetaRequest r = Parse(ParseMetaSet, "ms k 5 F7 T10 C3 MR I c");
  EXPECT_EQ(r.error, "");
  EXPECT_TRUE(r.has_value);
  EXPECT_EQ(r.request.value_length, 5u);
  EXPECT_EQ(r.request.flags, 7u);
  EXPECT_EQ(r.request.mode, StoreMode::kReplace);
  EXPECT_TRUE(r.request.Has(kInvalidate));
}

TEST_F(Meta, ModesOfSet) {
  const auto mode = [&](const char* token) {
    return Parse(ParseMetaSet, std::string("ms k 1 ") + token).request.mode;
  };
  EXPECT_EQ(mode("MS"), StoreMode::kSet);
  EXPECT_EQ(mode("ME"), StoreMode::kAdd);
  EXPECT_EQ(mode("MA"), StoreMode::kAppend);
  EXPECT_EQ(mode("MP"), StoreMode::kPrepend);
  EXPECT_EQ(mode("MR"), StoreMode::kReplace);
  for (const char* token : {"M", "MX", "Madd", "M+"}) {
    const MetaRequest r = Parse(ParseMetaSet, std::string("ms k 1 ") + token);
    EXPECT_EQ(r.error, reply::kBadStoreMode) << token;
    EXPECT_TRUE(r.has_value);
  }
}

TEST_F(Meta, SetWithoutALength) {
  for (const char* line : {"ms", "ms k", "ms k x", "ms k -1", "ms k S1",
                           "ms k 2147483646", "ms k 1 !"}) {
    const MetaRequest r = Parse(ParseMetaSet, line);
    EXPECT_EQ(r.error, reply::kBadFormat) << line;
    EXPECT_FALSE(r.has_value) << line;
  }
}

TEST_F(Meta, Arithmetic) {
  const MetaRequest r = Parse(ParseMetaArithmetic, "ma k N0 J13 D5 MD v");
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.request.initial, 13u);
  EXPECT_EQ(r.request.delta, 5u);
  EXPECT_TRUE(r.request.Has(kVivify));
  EXPECT_TRUE(r.request.Has(kDecrement));
  EXPECT_EQ(Parse(ParseMetaArithmetic, "ma k").request.delta, 1u);
  EXPECT_EQ(Error(ParseMetaArithmetic, "ma"), reply::kBadFormat);
  EXPECT_EQ(Error(ParseMetaArithmetic, "ma k !"), reply::kBadFormat);
  EXPECT_EQ(Error(ParseMetaArithmetic, "ma k b b"),
            reply::kInvalidOrDuplicateFlag);
  EXPECT_EQ(Error(ParseMetaArithmetic, "ma k Dx"),
            reply::kInvalidOrDuplicateFlag);
  EXPECT_EQ(Error(ParseMetaArithmetic, "ma k MX"), reply::kBadArithmeticMode);
}

TEST_F(Meta, CodeLine) {
  const MetaRequest r = Parse(ParseMetaDelete, "md Zm9v c k Ox b t");
  char line[kMaxMetaLine];
  char* end = FormatMetaCode(r.reply, "NF", line);
  EXPECT_EQ(std::string(line, end), "NF kZm9v b Ox\r\n");
}

TEST_F(Meta, StoredLine) {
  const MetaRequest r = Parse(ParseMetaSet, "ms key 5 s c f k Ox t");
  Result result;
  result.status = Status::kStored;
  result.cas = 77;
  result.value_length = 9;
  char line[kMaxMetaLine];
  char* end = FormatMetaStored(r.reply, result, line);
  EXPECT_EQ(std::string(line, end), "HD s9 c77 kkey Ox\r\n");
}

TEST_F(Meta, LongestLinesFit) {
  const std::string key(250, '\xff');
  MetaRequest r = Parse(ParseMetaGet,
                        "mg k s f c t l h k O" + std::string(31, 'o') + " v b");
  r.reply.key = key;
  r.reply.binary_key = true;
  char line[kMaxMetaLine];
  EXPECT_LT(FormatMetaCode(r.reply, "EN", line) - line, 500);
}

}  // namespace
}  // namespace cucache
