extension JSONTape {
  /// No normal form is longer than this, if its value was scanned from `inputBytes` of the input: every byte of it comes from there, or
  /// from the scratch space.
  func outputBytesMax(inputBytes: Int) -> Int { inputBytes + scratch.count }

  /// Appends a value's normal form.
  ///
  /// - Parameter inputBytes: how much of the input it was scanned from.
  /// - Complexity: O(length), each byte copied once.
  func append(_ value: JSONValue, _ input: RawSpan, inputBytes: Int, to output: inout [UInt8]) {
    output.append(addingCapacity: outputBytesMax(inputBytes: inputBytes)) { bytes in write(value, input, to: &bytes) }
  }

  /// Appends the normal form of the object whose members are all that is on `open`.
  func appendOpenObject(_ input: RawSpan, inputBytes: Int, to output: inout [UInt8]) {
    output.append(addingCapacity: outputBytesMax(inputBytes: inputBytes)) { bytes in
      write(open, 0..<open.count, isObject: true, input, to: &bytes)
    }
  }

  private func write(_ value: JSONValue, _ input: RawSpan, to output: inout OutputSpan<UInt8>) {
    switch value.form {
    case .input: output.append(copying: input, value.range)
    case .scratch: output.append(copying: scratch.raw, value.range)
    case .object, .array: write(closed, value.range, isObject: value.form == .object, input, to: &output)
    }
  }

  private func write(
    _ pieces: [JSONPiece], _ range: Range<Int>, isObject: Bool, _ input: RawSpan, to output: inout OutputSpan<UInt8>
  ) {
    output.append(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
    for index in range {
      if index > range.lowerBound { output.append(UInt8(ascii: ",")) }
      if isObject { write(member: pieces[index], input, to: &output) } else { write(pieces[index].value, input, to: &output) }
    }
    output.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
  }

  private func write(member piece: JSONPiece, _ input: RawSpan, to output: inout OutputSpan<UInt8>) {
    let text = piece.textRange
    if piece.textBytes == 0, piece.value.form == .input, Int(piece.value.from) == text.upperBound + 1 {
      // Name and value with nothing but the colon between them, the most common case: one copy.
      return output.append(copying: input, text.lowerBound..<Int(piece.value.to))
    }
    if piece.textBytes == 0 { output.append(copying: input, text) } else { output.append(copying: scratch.raw, text) }
    output.append(UInt8(ascii: ":"))
    write(piece.value, input, to: &output)
  }
}

extension OutputSpan<UInt8> {
  /// Appends the bytes of a range of a span. Traps if there is no room.
  @inline(__always) mutating func append(copying bytes: RawSpan, _ range: Range<Int>) {
    precondition(range.upperBound <= bytes.byteCount && range.count <= freeCapacity)
    // Safe: both sides' bounds were just checked, the source is initialised memory, and it can't overlap the free part of the target.
    unsafe withUnsafeMutableBufferPointer { target, count in
      unsafe bytes.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[count...]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[range]))
      }
      count += range.count
    }
  }
}
