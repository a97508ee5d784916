# needs: sqlite3
# sqlite3: 100,000 rows, indexes, a transaction rolled back, two processes that write.
sqlite3 rows.db <<END
create table rows(id integer primary key, name text, value integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
    insert into rows select i, 'name ' || (i * 7919 % 100003), i * i % 1009 from n;
select count(*), sum(value), min(name), max(name) from rows;
create index by_value on rows(value);
select value, count(*) from rows where value between 5 and 9 group by value;
begin; delete from rows; select count(*) from rows; rollback;
select count(*) from rows;
update rows set name = upper(name) where id % 1000 = 0;
select id, name from rows where name like 'NAME%' order by name limit 3;
pragma integrity_check;
END
for number in 1 2 3 4; do
    sqlite3 -cmd '.timeout 20000' rows.db \
        "insert into rows(name, value) values('job $number', -1);" &
done
wait
sqlite3 rows.db "select name from rows where value = -1 order by name;"
sqlite3 rows.db "pragma journal_mode = wal; insert into rows(name) values('in the log');
    select count(*) from rows;"
sqlite3 rows.db "vacuum; select count(*) from rows;"
sqlite3 rows.db "delete from rows where value = -1;" .dump | cksum
sqlite3 rows.db "select nothing from rows;" 2>&1 | head -n 1
rm rows.db*
