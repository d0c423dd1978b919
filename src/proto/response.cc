// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/response.h"

namespace cucache {
namespace {

// In the order of enum Status.
constexpr StatusName kStatusNames[] = {
    {"", {'H', 'D'}},                // kHit
    {reply::kStored, {'H', 'D'}},    // kStored
    {"NOT_STORED\r\n", {'N', 'S'}},  // kNotStored
    {"EXISTS\r\n", {'E', 'X'}},      // kExists
    {"NOT_FOUND\r\n", {'N', 'F'}},   // kNotFound
    {"DELETED\r\n", {'H', 'D'}},     // kDeleted
    {reply::kTooLarge, {0, 0}},      // kTooLarge
    {reply::kNoMemory, {0, 0}},      // kNoMemory
    {reply::kNonNumeric, {0, 0}},    // kNonNumeric
};
static_assert(static_cast<size_t>(Status::kNonNumeric) + 1 ==
              sizeof(kStatusNames) / sizeof(kStatusNames[0]));

}  // namespace

const StatusName& NameOf(Status status) {
  return kStatusNames[static_cast<size_t>(status)];
}

}  // namespace cucache
