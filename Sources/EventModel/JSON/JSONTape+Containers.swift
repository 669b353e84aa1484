extension JSONTape {
  /// Goes to the next byte that is no whitespace, which it returns; `tight` becomes false if there was any.
  @inline(__always) static func next(_ input: RawSpan, _ at: inout Int, _ tight: inout Bool) throws(JSONError) -> UInt8 {
    if at < input.byteCount, input[at] > 0x20 { return input[at] }
    let next = input.skipWhitespace(from: at)
    guard next < input.byteCount else { throw JSONError(.unexpectedEnd, at: next) }
    if next > at { tight = false }
    at = next
    return input[at]
  }

  mutating func scanObject(_ input: RawSpan, _ at: inout Int, depth: Int) throws(JSONError) -> JSONValue {
    let start = at
    let first = open.count
    let normal = try scanMembers(input, &at, depth: depth)
    return close(.object, start..<at, first: first, normal: normal)
  }

  /// Scans the object at `at` and leaves its members, sorted, on `open`.
  ///
  /// - Returns: whether the object is in normal form.
  mutating func scanMembers(_ input: RawSpan, _ at: inout Int, depth: Int) throws(JSONError) -> Bool {
    guard depth < depthMax else { throw JSONError(.tooDeep, at: at) }
    let first = open.count
    var normal = true
    var ascending = true
    at &+= 1
    var byte = try Self.next(input, &at, &normal)
    if byte == UInt8(ascii: "}") {
      at &+= 1
      return normal
    }
    while true {
      guard byte == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: at) }
      let nameAt = at
      var piece = try scanName(input, &at, &normal)
      if ascending, open.count > first {
        let order = names(input).compare(open[open.count &- 1], piece)
        if order == 0 { throw JSONError(.duplicateName, at: nameAt) }
        ascending = order < 0
      }
      guard try Self.next(input, &at, &normal) == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: at) }
      at &+= 1
      _ = try Self.next(input, &at, &normal)
      piece.value = try scanValue(input, &at, depth: depth &+ 1)
      open.append(piece)
      if piece.value.form != .input { normal = false }
      byte = try endOfItem(input, &at, &normal, closing: UInt8(ascii: "}"))
      if byte == UInt8(ascii: "}") { break }
    }
    if !ascending { try Self.sort(&open, from: first, input, scratch) }
    return normal && ascending
  }

  /// Goes past a comma to the next item, whose first byte it returns, or past the closing bracket, which it returns.
  @inline(__always) private func endOfItem(
    _ input: RawSpan, _ at: inout Int, _ normal: inout Bool, closing: UInt8
  ) throws(JSONError) -> UInt8 {
    if at > lengthLimit { throw JSONError(.tooLong, at: lengthLimit) }
    let byte = try Self.next(input, &at, &normal)
    at &+= 1
    if byte == closing { return byte }
    guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte, at: at &- 1) }
    let first = try Self.next(input, &at, &normal)
    guard first != closing else { throw JSONError(.unexpectedByte, at: at) }
    return first
  }

  @inline(__always) private mutating func scanName(_ input: RawSpan, _ at: inout Int, _ normal: inout Bool) throws(JSONError) -> JSONPiece {
    let start = at &+ 1
    let string = try input.scanString(from: start)
    at = string.end &+ 1
    if string.spelling == .plain {
      let count = string.end &- start
      return JSONPiece(prefix: input.prefix(at: start, count: count), name: start, nameBytes: count, textBytes: 0)
    }
    if string.spelling == .other { normal = false }
    return try unescapeName(input, start..<string.end)
  }

  /// Puts a name's offset in the input, its bytes and its text in normal form into the scratch space.
  private mutating func unescapeName(_ input: RawSpan, _ text: Range<Int>) throws(JSONError) -> JSONPiece {
    try unescape(input, text)
    scratch.appendBigEndian(UInt32(truncatingIfNeeded: text.lowerBound - 1))
    let name = scratch.count
    scratch.append(contentsOf: unescaped)
    let end = scratch.count
    JSONText.append(string: unescaped, to: &scratch)
    let prefix = scratch.raw.prefix(at: name, count: end - name)
    return JSONPiece(prefix: prefix, name: name, nameBytes: end - name, textBytes: scratch.count - end)
  }

  @_lifetime(borrow self, copy input)
  @inline(__always) func names(_ input: RawSpan) -> JSONNames { JSONNames(input: input, scratch: scratch.raw) }

  private static func sort(_ pieces: inout [JSONPiece], from first: Int, _ input: RawSpan, _ scratch: [UInt8]) throws(JSONError) {
    var span = pieces.mutableSpan
    guard let repeated = JSONNames(input: input, scratch: scratch.raw).sort(&span, from: first) else { return }
    throw JSONError(.duplicateName, at: repeated)
  }

  mutating func scanArray(_ input: RawSpan, _ at: inout Int, depth: Int) throws(JSONError) -> JSONValue {
    guard depth < depthMax else { throw JSONError(.tooDeep, at: at) }
    let start = at
    let first = open.count
    var normal = true
    at &+= 1
    var byte = try Self.next(input, &at, &normal)
    if byte == UInt8(ascii: "]") { at &+= 1 }
    while byte != UInt8(ascii: "]") {
      let value = try scanValue(input, &at, depth: depth &+ 1)
      appendElement(value, first: first)
      if value.form != .input { normal = false }
      byte = try endOfItem(input, &at, &normal, closing: UInt8(ascii: "]"))
    }
    return close(.array, start..<at, first: first, normal: normal)
  }

  /// Elements with nothing but a comma between them are one piece.
  @inline(__always) private mutating func appendElement(_ value: JSONValue, first: Int) {
    let last = open.count &- 1
    if last >= first, value.form == .input, open[last].value.form == .input, open[last].value.to &+ 1 == value.from {
      open[last].value.to = value.to
    } else {
      open.append(JSONPiece(value))
    }
  }

  /// Takes a container's pieces off `open`.
  mutating func close(_ form: JSONValue.Form, _ range: Range<Int>, first: Int, normal: Bool) -> JSONValue {
    defer { open.removeSubrange(first...) }
    if normal { return JSONValue(.input, range) }
    let start = closed.count
    closed.append(contentsOf: open[first...])
    return JSONValue(form, start..<closed.count)
  }
}
