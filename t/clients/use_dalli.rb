#!/usr/bin/ruby
# frozen_string_literal: true
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
#
# What programs do with Dalli, which speaks binary, with SASL and over TLS:
#   use_dalli.rb PORT binary [ca=FILE] [user=NAME password=WORD] [refused]

begin
  require 'dalli'
  require 'openssl'
rescue LoadError => e
  puts e.message
  exit 77
end

Dalli.logger.level = Logger::FATAL
words = ARGV.drop(2).to_h { |word| [*word.split('=', 2), true].first(2) }
options = { socket_timeout: 10, value_max_bytes: 4 << 20,
            socket_max_failures: 0 }
if words['user']
  options.update(username: words['user'], password: words['password'])
end
$tls = words.key?('ca')
if $tls
  tls = OpenSSL::SSL::SSLContext.new
  tls.ca_file = words['ca']
  tls.verify_mode = OpenSSL::SSL::VERIFY_PEER
  options[:ssl_context] = tls
end
# By name: Dalli wants what the certificate says.
$client = Dalli::Client.new("localhost:#{ARGV[0]}", options)

# One check; the first that fails ends the program.
def same(have, want, what)
  if have == want
    puts "ok - #{what}"
    return
  end
  puts "not ok - #{what}: #{have.inspect[0, 300]} is not #{want.inspect[0, 300]}"
  exit 1
end

def raises(kind, what)
  said = yield
  puts "not ok - #{what}: #{said.inspect[0, 300]} is no #{kind}"
  exit 1
rescue kind
  puts "ok - #{what}"
end

def storage(c)
  same(c.set('key', 'value').is_a?(Integer), true, 'set')
  same(c.get('key'), 'value', 'get')
  same(c.get('nothing'), nil, 'get of nothing')
  same(c.add('key', 'x'), false, 'add to what is there')
  c.replace('nothing', 'x')
  same(c.get('nothing'), nil, 'get after a replace of nothing')
  same(c.set('structure', { a: [1, 'two', nil] }).is_a?(Integer), true,
       'set structure')
  same(c.get('structure'), { a: [1, 'two', nil] }, 'get structure')
  same(c.set('text', 'mid', nil, raw: true).is_a?(Integer), true, 'set raw')
  same(c.append('text', '>'), true, 'append')
  same(c.prepend('text', '<'), true, 'prepend')
  same(c.get('text'), '<mid>', 'get after append')
  same(c.fetch('fetched') { 7 }, 7, 'fetch makes it')
  same(c.fetch('fetched') { 8 }, 7, 'fetch finds it')
end

def counting(c)
  same(c.incr('number', 5, nil, 10), 10, 'incr makes it')
  same(c.incr('number', 5), 15, 'incr')
  same(c.decr('number', 20), 0, 'decr')
  same(c.incr('nothing'), nil, 'incr of nothing')
end

def many(c)
  all = (0...200).to_h { |n| ["many#{n}", n.to_s * 40] }
  c.multi { all.each { |key, value| c.set(key, value) } } # quiet packets
  same(c.get('many199'), '199' * 40, 'the last of many sets')
  same(c.delete('many0'), true, 'delete')
  same(c.delete('many0'), nil, 'delete of nothing')
  return if $tls # Dalli 3.0 forgets there whose sockets it waits for

  all.delete('many0')
  same(c.get_multi(all.keys), all, 'get_multi')
  same(c.get_multi(%w[many0 many1 nothing]), { 'many1' => '1' * 40 },
       'get_multi with holes')
  same(c.get_multi_cas('many1')['many1'][0], '1' * 40, 'get_multi with cas')
end

def with_cas(c)
  value, cas = c.get_cas('key')
  same(value, 'value', 'get with cas')
  same(c.set_cas('key', 'first', cas).is_a?(Integer), true, 'cas')
  same(c.set_cas('key', 'second', cas), false, 'cas again')
  same(c.cas('key') { |old| "#{old}!" }.is_a?(Integer), true, 'cas by block')
  same(c.get('key'), 'first!', 'get after cas')
  same(c.delete_cas('key', cas), false, 'delete with a cas of before')
end

def expiry_and_keys(c)
  same(c.touch('key', 100), true, 'touch')
  same(c.touch('nothing', 100), nil, 'touch of nothing')
  same(c.gat('key', 100), 'first!', 'gat')
  ['k' * 250, %q(!"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~), "\u00e4-\u00f6"].each do |key|
    same(c.set(key, 'odd').is_a?(Integer), true, 'set odd key')
    same(c.get(key), 'odd', 'get odd key')
    same(c.delete(key), true, 'delete odd key')
  end
end

def large(c)
  big = Random.new(1).bytes(1_000_000)
  same(c.set('big', big, nil, raw: true).is_a?(Integer), true, 'set big')
  same(c.get('big', raw: true), big, 'get big')
  raises(Dalli::DalliError, 'set too big') do
    # Bytes that do not compress.
    too_big = Random.new(2).bytes(1_100_000)
    c.set('big', too_big, nil, raw: true) || raise(Dalli::DalliError)
  end
  same(c.get('key'), 'first!', 'get after too big')
end

def administration(c)
  same(c.version.values.first.start_with?('1.6.'), true, 'version')
  same(c.stats.values.first['curr_items'].to_i.positive?, true, 'stats')
  same(c.stats(:settings).values.first['maxbytes'], '67108864',
       'stats settings')
end

if words.key?('refused')
  raises(StandardError, 'set') { $client.set('key', 'x') }
  exit 0
end
$client.flush
same($client.set('short', 'x', 1).is_a?(Integer), true, 'set for a second')
began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
storage($client)
counting($client)
many($client)
with_cas($client)
expiry_and_keys($client)
large($client)
administration($client)
left = began + 2.2 - Process.clock_gettime(Process::CLOCK_MONOTONIC)
sleep(left) if left.positive?
same($client.get('short'), nil, 'get after a second')
$client.flush
same($client.get('key'), nil, 'get after flush')
