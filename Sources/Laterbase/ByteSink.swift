import EventModel

/// Where an answer's bytes go: an array here, a network buffer in the HTTP service. So nothing is copied once more on the way out.
package protocol ByteSink {
  /// The bytes that are there.
  var byteCount: Int { get }
  /// Makes room for `count` more bytes and lets `body` write up to that many.
  mutating func append(atMost count: Int, _ body: (inout OutputRawSpan) -> Void)
}

extension ByteSink {
  /// Appends text of the program itself.
  package mutating func append(code text: StaticString) {
    append(atMost: text.utf8CodeUnitCount) { $0.append(code: text) }
  }

  package mutating func append(copying span: RawSpan) {
    append(atMost: span.byteCount) { $0.append(copying: span) }
  }

  package mutating func append(_ text: String) {
    append(copying: [UInt8](text.utf8).raw)
  }

  package mutating func append(decimal value: UInt64) {
    append(atMost: 20) { $0.append(decimal: value) }
  }

  /// Appends a string in JSON's quotes, escaped.
  package mutating func append(quoted text: String) {
    append(copying: JSON(text).raw)
  }
}

extension [UInt8]: ByteSink {
  package var byteCount: Int { count }

  @inline(__always) package mutating func append(atMost count: Int, _ body: (inout OutputRawSpan) -> Void) {
    append(addingCapacity: count) { elements in
      // Safe: the buffer is the array's free part, and as many bytes are said to be initialised as were written.
      unsafe elements.withUnsafeMutableBufferPointer { buffer, initialized in
        let free = unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized...])
        var bytes = unsafe OutputRawSpan(buffer: free, initializedCount: 0)
        body(&bytes)
        initialized += unsafe bytes.finalize(for: free)
      }
    }
  }
}

extension OutputRawSpan {
  /// Appends text of the program itself. Traps if there is no room.
  @inline(__always) package mutating func append(code text: StaticString) {
    // Safe: the text is static, and all its bytes are initialised.
    unsafe append(copying: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)))
  }

  /// Appends the bytes of a span. Traps if there is no room.
  @inline(__always) package mutating func append(copying span: RawSpan) {
    precondition(span.byteCount <= freeCapacity)
    // Safe: there is room, and the source can't overlap the free part of the target.
    unsafe withUnsafeMutableBytes { target, count in
      unsafe span.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(from: source)
      }
      count += span.byteCount
    }
  }

  /// Appends an integer in decimal. Traps if there is no room.
  package mutating func append(decimal value: UInt64) {
    if value < 10 { return append(UInt8(0x30 + value)) }
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var first = 20
    var rest = value
    while rest > 0 {
      first -= 1
      digits[first] = UInt8(0x30 + rest % 10)
      rest /= 10
    }
    // Safe: all elements of the InlineArray are initialised bytes.
    append(copying: unsafe digits.span.bytes.extracting(droppingFirst: first))
  }
}
