#pragma once

#include <string>
#include <string_view>

namespace flyball {

// `text` as it may stand in HTML and SVG, in an element or a quoted attribute.
std::string EscapeHtml(std::string_view text);

}  // namespace flyball
