#!/usr/bin/perl
# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
#
# What programs do with Cache::Memcached::Fast, which speaks text only:
#   use_perl_fast.pl PORT
# It has no TLS and no passwords, and no call for stats.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);

BEGIN {
  unless (eval { require Cache::Memcached::Fast; 1 }) {
    print "Cache::Memcached::Fast is not installed\n";
    exit 77;
  }
}

my $address = "127.0.0.1:$ARGV[0]";
my $m = Cache::Memcached::Fast->new({servers => [$address]});

# Its own tests parse it, and die of anything but numbers and dots.
is(version->parse((values %{$m->server_versions})[0])->normal, 'v1.6.45',
   'version');
ok($m->flush_all->{$address}, 'flush_all');
ok($m->set(short => 'x', 1), 'set for a second');
my $began = time;

ok($m->set(key => 'value'), 'set');
is($m->get('key'), 'value', 'get');
is($m->get('nothing'), undef, 'get of nothing');
is($m->add(key => 'x'), '', 'add to what is there');
ok($m->add(added => 'x'), 'add');
ok($m->replace(key => 'mid'), 'replace');
is($m->replace(nothing => 'x'), '', 'replace of nothing');
ok($m->append(key => '>'), 'append');
ok($m->prepend(key => '<'), 'prepend');
is($m->get('key'), '<mid>', 'get after append');
is($m->append(nothing => '>'), '', 'append to nothing');
ok($m->set(empty => ''), 'set empty');
is($m->get('empty'), '', 'get empty');
my $structure = {list => [1, 'two', undef], deep => {a => 1}};
ok($m->set(structure => $structure), 'set structure');
is_deeply($m->get('structure'), $structure, 'get structure');

ok($m->set(number => 10), 'set number');
is($m->incr('number', 5), 15, 'incr');
cmp_ok($m->decr('number', 20), '==', 0, 'decr');
is($m->incr('nothing'), '', 'incr of nothing');
ok($m->set(word => 'x'), 'set word');
is($m->incr('word'), undef, 'incr of a word');
is_deeply(scalar($m->incr_multi(['number', 2], 'nothing')),
  {number => 2, nothing => ''}, 'incr_multi');

my $found = $m->gets('key');
is($found->[1], '<mid>', 'gets');
ok($m->cas('key', $found->[0], 'first'), 'cas');
is($m->cas('key', $found->[0], 'second'), '', 'cas again');
is($m->cas('nothing', 1, 'x'), '', 'cas of nothing');
is($m->get('key'), 'first', 'get after cas');

my %many = map { ("many$_" => "$_" x 40) } 0 .. 199;
my $stored = $m->set_multi(map { [$_, $many{$_}] } sort keys %many);
is(scalar(grep { $_ } values %$stored), 200, 'set_multi');
is_deeply($m->get_multi(sort keys %many), \%many, 'get_multi');
is(scalar(keys %{$m->gets_multi(sort keys %many)}), 200, 'gets_multi');
ok($m->delete('many0'), 'delete');
is($m->delete('many0'), '', 'delete of nothing');
is(scalar(grep { $_ } values %{$m->delete_multi(sort keys %many)}), 199,
  'delete_multi');
is_deeply($m->get_multi(sort keys %many), {}, 'get_multi of nothing');

ok($m->touch('key', 100), 'touch');
is($m->touch('nothing', 100), '', 'touch of nothing');
is($m->gat(100, 'key'), 'first', 'gat');
is($m->gats(100, 'key')->[1], 'first', 'gats');
is($m->gat(100, 'nothing'), undef, 'gat of nothing');
ok($m->set(past => 'x', time - 100), 'set of the past');
is($m->get('past'), undef, 'get of the past');

for my $key ('k' x 250, q(!"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~), "\xc3\xa4\xff") {
  ok($m->set($key => 'odd'), 'set odd key');
  is($m->get($key), 'odd', 'get odd key');
  ok($m->delete($key), 'delete odd key');
}

my $big = join '', map { chr($_ & 255) } 1 .. 1_000_000;
ok($m->set(big => $big), 'set big');
ok($m->get('big') eq $big, 'get big');
# It refuses to send what is above its own max_size: another one dares.
my $daring = Cache::Memcached::Fast->new(
  {servers => [$address], max_size => 4_000_000});
ok(!$daring->set(big => 'x' x 1_100_000), 'set too big');
is($daring->get('key'), 'first', 'get after too big');

my $quiet = Cache::Memcached::Fast->new({servers => [$address], nowait => 1});
$quiet->set("quiet$_" => $_) for 0 .. 499;
$quiet->nowait_push;
is($quiet->get('quiet499'), 499, 'get after sets that nobody waits for');
my $other = Cache::Memcached::Fast->new(
  {servers => [$address], namespace => 'n:', compress_threshold => 100,
   utf8 => 1});
ok($other->set("\x{e4}" => 'z' x 100_000 . "\x{263a}"), 'set compressed');
is($other->get("\x{e4}"), 'z' x 100_000 . "\x{263a}", 'get compressed');

my $left = $began + 2.2 - time;
sleep $left if $left > 0;
is($m->get('short'), undef, 'get after a second');
ok($m->flush_all->{$address}, 'flush_all');
is($m->get('key'), undef, 'get after flush_all');
done_testing;
