# frozen_string_literal: true

# Lists archives: `read.rb rubygems|minitar ARCHIVE...`, with the tar reader of RubyGems or of the gem minitar.
require 'digest'
require 'rubygems/package'
require 'zlib'

def rubygems(raw, &found)
  Gem::Package::TarReader.new(raw).each do |entry|
    found.call(entry.full_name, entry.read || '') if entry.file?
  end
end

def minitar(raw, &found)
  require 'archive/tar/minitar'
  Archive::Tar::Minitar::Reader.new(raw).each_entry do |entry|
    found.call(entry.full_name, entry.read || '') if entry.file?
  end
end

reader, *archives = ARGV
$stdout.binmode
archives.each do |path|
  Zlib::GzipReader.open(path) do |raw|
    send(reader, raw) { |name, data| $stdout.write("#{name.b}\t#{Digest::SHA256.hexdigest(data)}\n") }
    raw.read # to the checksum at the end
  end
  puts 'end'
rescue StandardError => e
  warn "#{path}: #{e.inspect}"
  puts 'failed'
end
