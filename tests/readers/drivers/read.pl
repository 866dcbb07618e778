# Lists archives with Archive::Tar, which gunzips by IO::Zlib: `read.pl ARCHIVE...`.
use strict;
use warnings;
use Archive::Tar;
use Digest::SHA 'sha256_hex';

$| = 1;
for my $path (@ARGV) {
    my $tar = Archive::Tar->new;
    # An archive that it can't read gives nothing, and an error.
    my @files = $tar->read($path);
    if (!@files || $tar->error) {
        print STDERR "$path: ", $tar->error, "\n";
        print "failed\n";
        next;
    }
    for my $file (grep { $_->is_file } @files) {
        print $file->full_path, "\t", sha256_hex($file->get_content // ''), "\n";
    }
    print "end\n";
}
