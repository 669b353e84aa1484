import Foundation

/// The seed of a round of a random test: the same in every run, so that what passed passes again wherever it is built.
///
/// `LATERBASE_SEED=random` draws others (`make stress`). A failing test prints its seed: `LATERBASE_SEED=<that>` gives it to the first round.
public func testSeed(round: Int = 0, _ test: String = #function) -> UInt64 {
  let round = UInt64(truncatingIfNeeded: round)
  switch wanted {
  case "random": return .random(in: 0 ... .max)
  case let text?: return (UInt64(text) ?? 0) &+ round
  case nil:
    // FNV-1a: Swift's own hashes differ from process to process.
    var random = SeededRandom(seed: test.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } &+ round)
    return random.next()
  }
}

private let wanted = ProcessInfo.processInfo.environment["LATERBASE_SEED"]
