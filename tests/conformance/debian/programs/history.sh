# needs: git
# git: a small repository from its first commit to a merge, cloned, packed and checked.
export GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000'
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b
export HOME=$PWD
git init -q -b main work && cd work || exit 1
cp ../words ../other . && cp -r ../sub .
git add . && git commit -qm 'first commit' && git log --oneline
echo changed >> words && git diff --stat && git commit -qam second
git checkout -q -b branch HEAD~1 && echo other >> other && git commit -qam third
git checkout -q main && git merge -q -m merged branch && git log --graph --format='%h %s'
git mv sub/one.txt sub/moved.txt && git status --short && git commit -qm moved
git rm -q sub/two.txt && git stash -q && git status --short && git stash pop -q &&
    git status --short
git reset -q --hard && git tag v1 && git show --stat v1 | tail -n 2
git clone -q . ../copy && cd ../copy && git log --oneline | wc -l &&
    diff -r --exclude=.git . ../work
git gc -q && git fsck 2>&1 && git count-objects -v | grep in-pack
echo more > new && git add new && git commit -qm pushed &&
    git push -q origin HEAD:refs/heads/from-copy
cd ../work && git log --oneline from-copy -1 && git blame -s words | tail -n 1
git archive from-copy | tar -tf - && git grep -c needle from-copy && git rev-parse HEAD
git checkout -q missing 2>&1; echo $?
cd .. && rm -rf work copy .gitconfig
