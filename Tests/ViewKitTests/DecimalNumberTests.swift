import EventModel
import StoreConformance
import Testing

@testable import ViewKit

@Suite struct DecimalNumberTests {
  /// Of any size and sign, some equal, some at the bounds.
  static func random(_ random: inout SeededRandom) -> DecimalNumber {
    if random.next() % 8 == 0 { return [0, 1, DecimalNumber(UInt64.max), -DecimalNumber(UInt64.max)][Int(random.next() % 4)] }
    let fraction = (UInt128(random.next()) << 64 | UInt128(random.next())) % DecimalNumber.one
    let places = random.next() % 39
    let unit = (0..<places).reduce(DecimalNumber.one) { one, _ in one / 10 }
    let number = DecimalNumber(whole: Int128(random.next() >> (random.next() % 64)), fraction: fraction / unit * unit)
    return random.next() % 2 == 0 ? number : -number
  }

  @Test(arguments: [
    "0", "1", "-1", "0.1", "-0.1", "1.5", "-1.5", "100", "18446744073709551615", "-18446744073709551615",
    "0.00000000000000000000000000000000000001", "123.45678901234567890123456789012345678901",
    "18446744073709551615.99999999999999999999999999999999999999",
  ])
  func `all digits are kept`(text: String) throws {
    let number = try #require(DecimalNumber(text))
    // Normal form writes the least of them with an exponent.
    #expect(number.json == (try JSON(parsing: [UInt8](text.utf8))))
    #expect(-(-number) == number)
    #expect(number - number == 0)
  }

  @Test func `equal numbers are equal however they are written`() {
    #expect(DecimalNumber("1.50") == DecimalNumber("15e-1"))
    #expect(DecimalNumber("-0") == 0)
    #expect(DecimalNumber("0.0") == 0)
    #expect(DecimalNumber("1e19") == DecimalNumber(UInt64(10_000_000_000_000_000_000)))
  }

  @Test(arguments: [
    "18446744073709551616", "-18446744073709551616", "1e20", "9e38", "1e39", "1e9999", "1e-39", "1e-9999", "-1e38",
    "0.000000000000000000000000000000000000001", "", "x", "NaN", "\"1\"", "+1", "1.", "[1]",
  ])
  func `what is beyond the bounds or no number is refused`(text: String) {
    #expect(DecimalNumber(text) == nil)
  }

  @Test func `numbers add up and compare as their digits say`() throws {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<2000 {
      let (a, b, c) = (Self.random(&random), Self.random(&random), Self.random(&random))
      #expect(a + b + c == a + (b + c), "seed \(random.seed)")
      #expect(a + b - b == a, "seed \(random.seed)")
      #expect((a < b) == (a - b < 0), "seed \(random.seed)")
      let keys = (try KeyBytes.bytes(of: a), try KeyBytes.bytes(of: b))
      #expect((a < b) == keys.0.lexicographicallyPrecedes(keys.1), "seed \(random.seed)")
      #expect(DecimalNumber(a.json) == a, "seed \(random.seed)")
    }
    #expect(try #require(DecimalNumber("0.1")) + #require(DecimalNumber("0.2")) == #require(DecimalNumber("0.3")))
    #expect(try #require(DecimalNumber("-0.75")) + #require(DecimalNumber("0.5")) == #require(DecimalNumber("-0.25")))
  }

  struct Payment: Codable, Equatable { var amount: DecimalNumber }

  @Test func `an event's number is read from its text, and its sum answers with all its digits`() throws {
    let body = JSON(normalForm: [UInt8](#"{"amount":0.12345678901234567890123}"#.utf8))
    let payment = try EventDecoder().decode(Payment.self, from: body)
    #expect(try EventEncoder().encode(payment) == body)
    let sum = Sum(payment.amount).joined(Sum(DecimalNumber(UInt64.max))).joined(Sum(DecimalNumber(UInt64.max)))
    #expect(try EventEncoder().encode(sum).description == "36893488147419103230.12345678901234567890123")
    let error = #expect(throws: DecodingError.self) {
      try EventDecoder().decode(Payment.self, from: ["amount": JSON(normalForm: [UInt8]("1e+22".utf8))])
    }
    #expect(error.map { Refusal($0).pointer } == "/amount")
  }

  @Test func `a sum of the greatest numbers is stored and read in every form`() throws {
    // 2⁶² numbers: what no run adds up one by one.
    var sum = Sum(DecimalNumber(UInt64.max))
    for _ in 0..<62 { sum = sum.joined(sum) }
    #expect(sum.sum.description == "8.507059173023461586123196583951466496e+37")
    let coding = StoredCoding<Sum<DecimalNumber>>()
    #expect(try coding.value(coding.bytes(sum)) == sum)
    let json = try EventEncoder(userInfo: StoredForm.userInfo).encode(sum)
    #expect(try EventDecoder(userInfo: StoredForm.userInfo).decode(Sum<DecimalNumber>.self, from: json) == sum)
    #expect(throws: DecodingError.self) { try EventDecoder().decode(Sum<DecimalNumber>.self, from: json) }
  }
}
