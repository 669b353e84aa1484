import Foundation

/// The seed of a round of a random test: the same in every run, so that what passed passes again wherever it is built. With
/// `LATERBASE_SEED=<number>` it is another run's, with `LATERBASE_SEED=random` a new one's each time (`make stress`); a failing test prints
/// its seed.
public func testSeed(round: Int = 0, _ test: String = #function) -> UInt64 {
  // FNV-1a: Swift's own hashes differ from process to process.
  let place = test.utf8.reduce(0xCBF2_9CE4_8422_2325) { (hash: UInt64, byte) in (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
  var random = SeededRandom(seed: run ^ place &+ UInt64(truncatingIfNeeded: round))
  return random.next()
}

/// The run's own seed.
private let run: UInt64 = {
  guard let text = ProcessInfo.processInfo.environment["LATERBASE_SEED"] else { return 0 }
  return UInt64(text) ?? .random(in: 0 ... .max)
}()
